#include "client/map/statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace flame::client {

// A value's highest bit chooses the octave, the four below it the step.
void Histogram::add(double ms) {
  const auto us = static_cast<std::uint64_t>(std::clamp(ms * 1e3, 0.0, 1e18)) | 1U;
  const auto octave = static_cast<std::size_t>(std::bit_width(us) - 1);
  const std::uint64_t step = octave >= 4 ? (us >> (octave - 4)) & 15 : (us << (4 - octave)) & 15;
  buckets_[std::min(octave * kSteps + step, buckets_.size() - 1)] += 1;
  ++count_;
  sum_ms_ += ms;
}

double Histogram::percentile(double percent) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen == 0 || seen < wanted) continue;
    const double low = std::ldexp(1 + static_cast<double>(i % kSteps) / kSteps, static_cast<int>(i / kSteps));
    return low * (1 + 0.5 / kSteps) / 1e3;
  }
  return 0;
}

}  // namespace flame::client
