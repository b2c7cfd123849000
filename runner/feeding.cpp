#include "runner/feeding.hpp"

#include <algorithm>

#include "wire/limits.hpp"

namespace flame::runner {

bool feed_more(const Backlog& backlog, double mean_us, std::size_t bytes) {
  if (backlog.calls == 0) return true;
  if (mean_us <= 0) return false;  // it may stream, or take an hour
  if (backlog.calls >= wire::kFeedAheadMaxCount || backlog.bytes + bytes > kAheadMaxBytes) return false;
  // One is always ready behind the one that runs: even a slow call is worth no idle worker.
  return backlog.calls == 1 || backlog.expected_us + mean_us <= kAheadTarget_us;
}

double next_mean(double mean_us, double took_us, std::size_t count) {
  if (count == 0) return mean_us;
  const double sample = std::max(took_us / static_cast<double>(count), 0.05);
  if (mean_us <= 0) return sample;
  const double weight = std::min(0.5, 0.125 * static_cast<double>(count));
  return mean_us + (sample - mean_us) * weight;
}

}  // namespace flame::runner
