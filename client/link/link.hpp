// The client's end of a link: a WebSocket by hand, which starts faster than any event loop. For one call it
// blocks, and every wait has a deadline; `map` drives many from one loop.
#pragma once
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/link/address.hpp"
#include "client/link/farewell.hpp"
#include "client/link/websocket.hpp"
#include "wire/frame.hpp"
#include "wire/resumption.hpp"

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
  std::size_t queued_bytes() const;
  void flush();    // what the socket takes now. Throws Error(lost).
  bool receive();  // what has come; false when that is nothing. Throws Error(lost, protocol).
  std::optional<wire::Frame> next_received() { return lasting_ ? next_of_session() : frames_.next(); }

  // ---- For such a loop, where a lost link can be made again (PROTOCOL.md §10) ----
  // From now on it is, for as long as the runner waits, before an Error(lost) is thrown. Poll fd() (it
  // changes) for events(), call receive() then and at wake_at().
  void outlive_losses() { outlives_losses_ = can_outlive_losses(); }
  void has_nothing_in_flight() { outlives_losses_ = false; }
  bool can_outlive_losses() const { return lasting_ != nullptr; }
  short events() const;
  Clock::time_point wake_at() const;
  bool is_lost() const { return lasting_ && lasting_->why; }
  std::uint32_t times_resumed() const { return times_resumed_; }

 private:
  struct Beginning;  // what is needed until the hello has come
  // Of a session that outlives its links.
  struct Lasting {
    std::string id;
    Address address;
    milliseconds grace{};
    wire::SentFrames sent;
    wire::ReceivedFrames received;
    std::optional<Error> why;  // the link is lost, and on its way to be made again
    Clock::time_point until, next_try, try_until;
    milliseconds pause{};
    FarewellTo farewell;
  };
  void begin(const Address& address, Deadline deadline);
  bool step();
  bool read_resumed();
  bool receive_now();
  void flush_now();
  void fill_out();
  void lose(const Error& error);
  bool redial();
  void try_again(const Error& error);
  [[noreturn]] void give_up(const Error& error);
  std::optional<wire::Frame> next_of_session();
  void end_try();
  void say_goodbye();
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
  std::unique_ptr<Lasting> lasting_;
  bool outlives_losses_ = false;
  std::uint32_t times_resumed_ = 0;
  std::string hello_;
  std::uint64_t window_bytes_ = 0;
  MessageWriter writer_;
  MessageReader reader_;
  wire::FrameReader frames_;
  std::string out_;  // messages that are not yet sent, from sent_ on
  std::size_t sent_ = 0;
};

}  // namespace flame::client
