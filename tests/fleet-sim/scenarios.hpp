// What is simulated, and against what it is compared.
#pragma once
#include <string>
#include <vector>

#include "loads.hpp"

namespace flame::sim {

struct Batch {
  std::string name;
  std::uint64_t count;
  Lengths lengths;
  std::uint32_t maximum;
  std::uint32_t slots = 1;
  bool large = false;  // takes a while
};
std::vector<Batch> batches();

struct BatchResult {
  Outcome outcome;
  double bound_seconds = 0;        // max(work ÷ slots, longest call) + boot
  double all_at_once_seconds = 0;  // with all machines booted at the beginning: no policy does better
  double ratio() const { return outcome.end_seconds / bound_seconds; }
};
// known: how long such calls run is remembered from earlier.
BatchResult run_batch(const Batch& batch, bool known);

struct Stream {
  std::string name;
  std::function<Calls()> calls;
  double target_seconds;
  std::uint32_t maximum;
  double until_seconds;
  double cost_per_hour_max = client::kNoLimit;
};
std::vector<Stream> streams();

struct StreamResult {
  Outcome policy;
  std::uint32_t fixed_count = 0;  // the smallest fleet that meets the target, known in hindsight
  Outcome fixed;
  Outcome same_cost;  // the largest fixed fleet that costs no more than the policy did
  std::uint32_t same_cost_count = 0;
  Outcome as_quick;  // the policy again, its target what the fixed fleet reached
  Outcome always_max;
  double per_call_p95 = 0, per_call_cost = 0;  // a boot for each call
};
StreamResult run_stream(const Stream& stream, double sample_seconds);

}  // namespace flame::sim
