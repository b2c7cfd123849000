// The client's end of a link: a WebSocket by hand, which starts faster than any event loop. For one call it
// blocks, and every wait has a deadline; `map` drives many from one loop.
#pragma once
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/link/address.hpp"
#include "client/link/websocket.hpp"
#include "wire/frame.hpp"

namespace flame::client {

class Link {
 public:
  // Connects, upgrades, checks the hello and proves itself. Throws Error(unreachable): nothing has happened,
  // another try is safe; Error(protocol) for a peer that is no runner of this revision; Error(refused) for
  // one that does not hold the address's token, or not ours.
  Link(const Address& address, Deadline deadline);
  // The same without waiting: call proceed() until it is true, when fd() is ready for opening_events().
  // Throws what the other does.
  explicit Link(const Address& address);
  bool proceed();
  short opening_events() const;
  ~Link();

  const std::string& hello() const { return hello_; }  // the JSON of PROTOCOL.md §4
  std::uint64_t window_bytes() const { return window_bytes_; }

  // Frames as one message. Throws Error(lost).
  void send(std::string_view frames, Deadline deadline);
  // The next frame. nullopt: the deadline passed, a signal came, or `also` is readable (-1: none).
  // Throws Error(lost) when the runner is gone, Error(protocol) for rubbish.
  std::optional<wire::Frame> next(Deadline deadline, int also = -1);

  // The same without waiting, for a loop that serves many links: poll fd() for input always, for output while
  // something is queued.
  int fd() const { return fd_.get(); }
  void queue(std::string_view frames);  // as one message of at most kMessageMaxBytes
  std::size_t queued_bytes() const { return out_.size() - sent_; }
  void flush();    // what the socket takes now. Throws Error(lost).
  bool receive();  // what has come; false when that is nothing. Throws Error(lost, protocol).
  std::optional<wire::Frame> next_received() { return frames_.next(); }

 private:
  struct Beginning;  // what is needed until the hello has come
  void begin(const Address& address, Deadline deadline);
  bool step();
  void request();
  void read_answer();
  bool read_hello();
  Error ended() const;
  Error cannot_send(int errno_value);
  bool fill(Deadline deadline, int also);
  void take(std::string_view bytes);
  void send_out(Deadline deadline);

  UniqueFd fd_;
  std::unique_ptr<Beginning> beginning_;
  std::string hello_;
  std::uint64_t window_bytes_ = 0;
  MessageWriter writer_;
  MessageReader reader_;
  wire::FrameReader frames_;
  std::string out_;  // messages that are not yet sent, from sent_ on
  std::size_t sent_ = 0;
};

}  // namespace flame::client
