// What a runner holds of a detached call, asked over a link (PROTOCOL.md §9).
#pragma once
#include <cstdint>
#include <string>

#include "client/call.hpp"

namespace flame::client {

struct HeldState {
  std::string state;  // unknown queued running over
  std::string outcome;
  std::uint64_t age_ms = 0, ended_ms = 0, bytes = 0;  // ended_ms: since it ended
  bool whole = false, fetched = false;

  bool known() const { return state != "unknown"; }
  bool over() const { return state == "over"; }
};

enum class IfUnknown : std::uint8_t { nothing, refuse };  // refuse: should it still come

// All throw Error(lost, protocol), and Error(timed_out) when the runner does not answer in time.
HeldState ask_held(Link& link, std::uint64_t id, Deadline deadline, IfUnknown then = IfUnknown::nothing);
// The same once it is over, or at the deadline.
HeldState await_held(Link& link, std::uint64_t id, Deadline deadline);
// Hands out what is kept of a call that is over; gives its Error if it ended by one.
std::optional<Error> fetch_held(Link& link, std::uint64_t id, const CallEvents& events);
enum class Keep : std::uint8_t { until_its_time, no_more };
void release_held(Link& link, std::uint64_t id, Keep keep);
void cancel_held(Link& link, std::uint64_t id);  // asks; await_held tells

}  // namespace flame::client
