// Results on their way to stdout, without ever waiting for its reader.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.hpp"

namespace flame::client {

// The descriptor's own flags stay as they are: other processes share them. A pipe is opened anew for us, a
// socket is written with MSG_DONTWAIT, a terminal in small pieces when it says that it has room.
class Output {
 public:
  explicit Output(int fd);
  // Whether what is written next joins what somebody left in a file without this end.
  bool continues_line(char end) const;

  std::string& buffer() { return buffer_; }  // append results here
  std::size_t pending() const { return buffer_.size() - at_; }
  std::uint64_t added() const { return written_ + pending(); }  // bytes ever appended
  std::uint64_t written() const { return written_; }            // bytes ever handed to the system

  int fd() const { return fd_; }
  void drop() { buffer_.clear(), at_ = 0; }  // nobody wants it
  // Writes what is taken now. False: the reader has gone. Throws Error(system).
  bool flush();

 private:
  enum class Kind { file, pipe, socket, slow };
  UniqueFd own_;
  int fd_;
  Kind kind_ = Kind::file;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace flame::client
