// Machines and calls in virtual time. Who decides is the policy of client/pool, or a fleet that never
// changes.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/pool/policy.hpp"

namespace flame::sim {

struct Engine {
  double boot_seconds = 1.1, start_seconds = 0.35;
  double jitter = 0.1;        // share by which each boot and start is longer or shorter
  bool keeps_stopped = true;  // what is drained can be started again
  double price_per_second = 1.0 / 3600;
};

// Calls in the order in which they come. The same seed gives the same calls to every fleet.
struct Call {
  double at = 0, seconds = 0;
};
using Calls = std::function<std::optional<Call>()>;  // nullopt: no more

struct Settings {
  Engine engine;
  client::ScalingLimits limits;
  std::uint32_t slots = 1;          // of a machine
  std::uint32_t fixed = 0;          // so many from the beginning to the end; 0: the policy decides
  bool service_known = false;       // from earlier runs
  double service_mean_seconds = 0;  // then
  double tick_seconds = 0.05;       // between decisions
  double sample_seconds = 0;        // of the timeline; 0: none
  double window_seconds = 120, horizon_seconds = 600;  // of Demand
};

struct Sample {
  double at = 0, ready = 0, busy = 0, queued = 0, cost_per_hour = 0;
};

struct Outcome {
  std::uint64_t calls = 0;
  double end_seconds = 0;  // of the last call
  double work_seconds = 0, longest_seconds = 0;
  double response_p50 = 0, response_p95 = 0, response_mean = 0;
  double cost = 0, cost_per_hour_most = 0;
  std::uint32_t boots = 0, starts = 0, drains = 0, machines_most = 0;
  std::vector<Sample> timeline;
};

Outcome simulate(const Settings& settings, Calls calls, std::uint64_t seed);

}  // namespace flame::sim
