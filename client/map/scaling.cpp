#include "client/map/scaling.hpp"

#include <algorithm>

namespace flame::client {

ScalingDecision decide_scaling(const ScalingState& state) {
  const std::uint32_t count = state.ready + state.booting;
  if (count >= state.maximum) return {false, "as many as there may be"};
  if (state.cost >= state.cost_max) return {false, "the cost limit is reached"};
  if (count == 0) return {true, "nobody is there"};
  if (count < state.minimum) return {true, "fewer than the least"};
  if (state.ready == 0) return {false, "the first one boots"};
  if (state.items_per_second <= 0) return {false, "the pace is not known yet"};
  const double pace = state.items_per_second * count / state.ready;
  const double wait = std::max(state.items_waiting / pace, state.busy_for_seconds * state.ready / count);
  // What it would still have to do once it is there must be worth its boot.
  if (wait <= state.boot_seconds) return {false, "the wait is shorter than a boot"};
  return {true, "the wait is longer than a boot"};
}

}  // namespace flame::client
