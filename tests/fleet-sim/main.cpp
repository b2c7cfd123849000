// fleet-sim [--large] [DIR]: the tables of README.md; the curves go to DIR.
#include <cstdio>
#include <cstring>
#include <string>

#include "scenarios.hpp"
#include "svg.hpp"

using namespace flame::sim;

namespace {

void print_batches(bool large) {
  std::printf(
      "| batch | max × slots | makespan | ratio to the bound | the first time | all booted at once | runners "
      "| paid ÷ worked |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const Batch& batch : batches()) {
    if (batch.large && !large) continue;
    const BatchResult known = run_batch(batch, true), unknown = run_batch(batch, false);
    const Outcome& outcome = known.outcome;
    std::printf("| %s | %u × %u | %.2f s | %.3f | %.3f | %.3f | %u | %.2f |\n", batch.name.c_str(),
                batch.maximum, batch.slots, outcome.end_seconds, known.ratio(), unknown.ratio(),
                known.all_at_once_seconds / known.bound_seconds, outcome.boots,
                outcome.cost * 3600 * batch.slots / outcome.work_seconds);
    std::fflush(stdout);
  }
}

void write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return std::perror(path.c_str());
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

void print_streams(const char* directory) {
  std::printf(
      "\n| calls come | target | policy: p95, cost | best fixed fleet: n, p95, cost | cost ratio | asked for "
      "its p95: p95, "
      "cost ratio | fixed fleet of the policy's cost: n, p95 | always max: p95, cost | a boot a call: p95, "
      "cost | most an hour | boots, "
      "starts, drains |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Stream& stream : streams()) {
    const StreamResult result = run_stream(stream, stream.until_seconds / 700);
    const Outcome& policy = result.policy;
    std::printf("| %s | %.1f s | %.3f s, %.2f | %u, %.3f s, %.2f | %.2f ", stream.name.c_str(),
                stream.target_seconds, policy.response_p95, policy.cost, result.fixed_count,
                result.fixed.response_p95, result.fixed.cost, policy.cost / result.fixed.cost);
    std::printf("| %.3f s, %.2f | %u, %.3g s | %.3f s, %.0f | %.2f s, %.0f | %.2f | %u, %u, %u |\n",
                result.as_quick.response_p95, result.as_quick.cost / result.fixed.cost,
                result.same_cost_count, result.same_cost.response_p95, result.always_max.response_p95,
                result.always_max.cost, result.per_call_p95, result.per_call_cost, policy.cost_per_hour_most,
                policy.boots, policy.starts, policy.drains);
    std::fflush(stdout);
    if (directory == nullptr) continue;
    std::string name = stream.name;
    for (char& c : name)
      if (c == ' ' || c == ',') c = '-';
    write_file(std::string(directory) + "/" + name + ".svg",
               timeline_svg(stream.name, policy, result.fixed_count));
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool large = false;
  const char* directory = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--large") == 0)
      large = true;
    else
      directory = argv[i];
  }
  print_batches(large);
  print_streams(directory);
}
