// How many runners there should be: what is known goes in, the decision and its reason come out. No clock, no
// engine and no memory of its own, so that a simulation runs the same code: time is a value of the state.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/pool/settings.hpp"

namespace flame::client {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// A runner that has said hello.
struct RunnerLoad {
  std::uint32_t slots = 1, busy = 0;  // busy: slots that run a call
  bool draining = false;              // takes no more
  double idle_since_seconds = 0;      // of the state's clock; of one whose busy is 0
};

struct ScalingLimits {
  std::uint32_t minimum = 0, maximum = 1;
  std::uint32_t spares = 0;  // ready runners with nothing to do, whatever the others do
  double target_response_seconds =
      0;  // that 95 of 100 calls should not exceed; 0: a boot is worth waiting for
  double cost_per_hour_max = kNoLimit;
  double cost_max = kNoLimit;  // of all together
};

struct PoolState {
  double now_seconds = 0;         // of any clock
  double changed_at_seconds = 0;  // when runners were last started, booted or drained
  std::span<const RunnerLoad> runners;
  std::uint32_t startable = 0;              // machines that are stopped or suspended
  std::uint32_t starting = 0, booting = 0;  // no hello yet
  std::uint32_t slots_each = 0;             // of one more; 0: as many as the others have

  double queued = 0;                    // calls that no slot runs yet, known or estimated
  double oldest_wait_seconds = 0;       // of these
  double arrivals_per_second = 0;       // of late; 0: not known, or a batch
  double arrivals_peak_per_second = 0;  // the most of late, over a longer time
  double service_mean_seconds = 0;      // of a call's run; 0: not known
  double service_p95_seconds = 0;       // 0: not known
  double running_seconds = 0;           // how long calls of unknown length have run by now

  double boot_seconds = 1, start_seconds = 1;  // until the hello: measured here, or this engine's usual
  double price_per_second = 0;                 // of one more machine
  bool price_known = true;
  double cost = 0;  // so far
  bool breaker_open = false;

  ScalingLimits limits;
};

enum class ScalingReason : std::uint8_t {
  enough,      // nothing is to be done
  minimum,     // fewer than min
  nobody,      // calls wait and no runner is there
  spares,      // fewer idle ones than wished
  queue,       // what waits takes longer than booting for it
  wait,        // a call has waited for longer than a boot, or than the target
  response,    // calls come so fast that the target, or a boot, would be exceeded
  at_maximum,  // the rest are refusals
  cost_per_hour,
  cost,
  price_unknown,
  breaker,
  idle,  // fewer are needed: these may go
};
std::string_view scaling_reason_name(ScalingReason reason);  // "queue", "cost_per_hour": for machines

struct ScalingDecision {
  std::uint32_t start = 0, boot = 0;
  std::vector<std::uint32_t> drain;  // indexes of state.runners
  std::uint32_t wanted = 0;          // to start or boot, before the limits
  ScalingReason reason = ScalingReason::enough;
  ScalingReason refusal = ScalingReason::enough;  // why fewer than wanted: enough if they are not
};

ScalingDecision decide_scaling(const PoolState& state);

ScalingLimits scaling_limits(const PoolSettings& settings);  // without spares: those are for who stays

// "boots 2: 40 calls wait 3.2 s, a boot takes 1.1 s": for people.
std::string scaling_sentence(const PoolState& state, const ScalingDecision& decision);

}  // namespace flame::client
