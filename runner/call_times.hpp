// How long the calls of the last half minute took, from their arrival to their end: enough for percentiles,
// at the price of an addition.
#pragma once
#include <array>
#include <cstdint>

#include "base/clock.hpp"

namespace flame::runner {

class CallTimes {
 public:
  // Whether the next end is worth a look at the clock: all are while they are few, then one of 16.
  bool wanted() { return windows_[0].count < kAllUpTo || (++skipped_ & 15U) == 0; }
  void add(Clock::duration took, Clock::time_point now);
  // Within a tenth above; 0 while there were none. fraction: 0.95 for p95.
  double seconds(double fraction, Clock::time_point now) const;

 private:
  static constexpr std::uint32_t kAllUpTo = 4096;
  static constexpr std::size_t kBuckets = 8 * 36;  // eight an octave, from a microsecond to a day
  struct Window {
    Clock::time_point since{};
    std::uint32_t count = 0;
    std::array<std::uint32_t, kBuckets> buckets{};
  };
  static std::size_t bucket_of(Clock::duration took);
  std::array<Window, 2> windows_;  // this quarter minute and the one before
  std::uint32_t skipped_ = 0;
};

}  // namespace flame::runner
