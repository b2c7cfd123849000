// The client's end of a link: a WebSocket by hand over a Unix socket, which starts faster than any event
// loop. Every wait has a deadline.
#pragma once
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "wire/frame.hpp"

namespace flame::client {

class Link {
 public:
  // Connects, upgrades and checks the hello. Throws Error(unreachable): nothing has happened, another try is
  // safe; Error(protocol) for a peer that is no runner of this revision.
  Link(const std::string& unix_path, Deadline deadline);

  const std::string& hello() const { return hello_; }  // the JSON of PROTOCOL.md §4
  std::uint64_t window_bytes() const { return window_bytes_; }

  // Frames as one message. Throws Error(lost).
  void send(std::string_view frames, Deadline deadline);
  // The next frame. nullopt: the deadline passed, a signal came, or `also` is readable (-1: none).
  // Throws Error(lost) when the runner is gone, Error(protocol) for rubbish.
  std::optional<wire::Frame> next(Deadline deadline, int also = -1);

 private:
  void upgrade(Deadline deadline);
  void read_hello(Deadline deadline);
  bool fill(Deadline deadline, int also);
  void take_messages();
  void send_message(unsigned char opcode, std::string_view payload, Deadline deadline);

  UniqueFd fd_;
  std::string hello_;
  std::uint64_t window_bytes_ = 0;
  std::string raw_;  // bytes from the socket that are not yet a whole message
  wire::FrameReader frames_;
  bool closed_ = false;
};

}  // namespace flame::client
