#include "runner/call_times.hpp"

#include <algorithm>
#include <cmath>

namespace flame::runner {
namespace {

constexpr std::chrono::seconds kWindow{15};

double top_of(std::size_t bucket) { return 1e-6 * std::exp2(static_cast<double>(bucket + 1) / 8); }

}  // namespace

std::size_t CallTimes::bucket_of(Clock::duration took) {
  const double us = std::chrono::duration<double, std::micro>(took).count();
  if (us <= 1) return 0;
  return std::min(static_cast<std::size_t>(std::log2(us) * 8), kBuckets - 1);
}

void CallTimes::add(Clock::duration took, Clock::time_point now) {
  if (now - windows_[0].since >= kWindow) {
    windows_[1] = windows_[0];
    windows_[0] = Window();
    windows_[0].since = now;
  }
  ++windows_[0].buckets[bucket_of(took)];
  ++windows_[0].count;
}

double CallTimes::seconds(double fraction, Clock::time_point now) const {
  std::uint64_t count = 0;
  const auto recent = [&](const Window& window) { return now - window.since < 2 * kWindow; };
  for (const Window& window : windows_)
    if (recent(window)) count += window.count;
  if (count == 0) return 0;
  double left = std::ceil(static_cast<double>(count) * fraction);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    for (const Window& window : windows_)
      if (recent(window)) left -= window.buckets[i];
    if (left <= 0) return top_of(i);
  }
  return top_of(kBuckets - 1);
}

}  // namespace flame::runner
