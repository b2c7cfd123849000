// Bytes for a call, read from a descriptor; what was read can be read again until the runner has taken the
// call, so that a call which a busy or leaving runner refused can be given to another.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace flame::client {

class InputSource {
 public:
  explicit InputSource(UniqueFd fd);  // owned
  explicit InputSource(int fd);       // borrowed: stdin

  int fd() const { return fd_; }
  // At most `most` bytes, into a buffer of its own; empty at the end. Blocks unless ready(). Throws
  // Error(system).
  std::string_view read(std::size_t most);
  bool ready() const { return at_ < kept_.size() || seekable_; }  // reading will not block
  void rewind();                            // to where it began. Throws Error(system) when that is gone
  void record_to(int fd) { record_ = fd; }  // what is read goes there too
  bool at_end() const { return ended_; }    // all of it was read
  void taken();                             // no rewind will come

 private:
  UniqueFd owned_;
  int fd_;
  long long start_ = 0;
  bool seekable_ = false, keeps_ = true;
  int record_ = -1;
  bool ended_ = false;
  std::string kept_;  // what was read, of a source that cannot seek
  std::size_t at_ = 0;
  std::string buffer_;
};

}  // namespace flame::client
