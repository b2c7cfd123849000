// One runner as `map` sees it: a link, what is in flight there, and how much should be.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "client/link/link.hpp"
#include "client/map/depth.hpp"
#include "client/map/window.hpp"
#include "client/plugin/ship.hpp"

namespace flame::client {

// A call whose body is longer than what goes at once: sent in pieces, as its window allows.
struct LongCall {
  ItemIndex item = 0;
  std::string body;  // of the call, what is not sent yet
  UniqueFd file;     // whose bytes belong between body and behind; none: body is all
  std::string behind;
  std::uint64_t window = 0;
  bool as_input = false;  // the file is the call's input stream and not an argument
};

struct MapRunner {
  explicit MapRunner(std::unique_ptr<Link> from);  // throws Error(protocol)

  std::unique_ptr<Link> link;
  std::string name;
  std::uint32_t number = 0;  // 1… of all that this map has had
  std::uint8_t rung = 0;     // of the ladder of guests
  std::uint32_t slots = 1, credit = 1;
  std::uint64_t window_bytes = 0;
  double price_per_second = 0;  // 0: not known, or nothing
  Depth depth;
  std::uint32_t in_flight = 0;
  std::uint64_t ended = 0;           // that it worked on
  double busy_seconds = 0;           // of its slots, as we saw it
  Clock::time_point busy_at{};       // until when that is counted
  Clock::time_point fed_since{};     // when the first of those in flight was sent
  bool draining = false;             // takes no more
  Clock::time_point ready_since;     // its hello
  Clock::time_point paused_until{};  // it said busy
  std::string pending;               // frames for the next message
  std::uint64_t round = 0;           // messages that have left, or may have
  std::uint32_t times_resumed = 0;   // the link, when it was last looked at
  bool was_lost = false;             // so
  std::deque<LongCall> long_calls;
  std::unique_ptr<Shipment> shipment;  // of the plugin, which it lacks: no calls meanwhile
  std::uint32_t shipments = 0;         // that were begun

  // Frames become messages, messages go as the socket takes them. Throws Error(lost).
  void send_pending();
  bool writable_soon() const { return pending.size() + link->queued_bytes() < kQueuedMaxBytes; }
  // Whether one more call would be of use there.
  bool wants_more(Clock::time_point now) const {
    return !draining && !shipment && !link->is_lost() && in_flight < depth.target() && now >= paused_until &&
           writable_soon() && long_calls.size() < slots;
  }
  void count_busy(Clock::time_point now);
  // Seconds that a call sent now would wait for a slot.
  double expected_wait() const;

  static constexpr std::size_t kQueuedMaxBytes = 512 * 1024;
};

}  // namespace flame::client
