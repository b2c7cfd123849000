// Whether it pays to boot another runner: the state in, the decision and its reason out.
#pragma once
#include <cstdint>
#include <limits>

namespace flame::client {

struct ScalingState {
  std::uint32_t ready = 0, booting = 0;    // runners
  std::uint32_t minimum = 0, maximum = 1;  // of both together
  double items_per_second = 0;             // of all that are ready; 0: not known yet
  double items_waiting = 0;                // known or estimated, those in flight beyond the slots included
  double busy_for_seconds = 0;             // how long every slot has had work and input has been ahead of us
  double boot_seconds = 1;                 // measured, or this engine's guess
  double cost = 0, cost_max = std::numeric_limits<double>::infinity();
  double price_per_second = 0;  // of one more
};

struct ScalingDecision {
  bool boot = false;
  const char* reason = "";
};

// The wait that is expected is what waits, at the pace of those who are ready and booting. When nobody knows
// how much is to come, as much is expected as has been: a pipe that kept us busy for a minute is good for
// another.
ScalingDecision decide_scaling(const ScalingState& state);

}  // namespace flame::client
