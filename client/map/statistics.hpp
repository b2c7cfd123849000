// What the summary and the progress block tell, in bounded memory.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/error.hpp"

namespace flame::client {

// Times in buckets that are at most 1/16 wide: a percentile is off by no more than that.
class Histogram {
 public:
  void add(double ms);
  double percentile(double percent) const;  // ms; 0 when there is none
  std::uint64_t count() const { return count_; }
  double sum_ms() const { return sum_ms_; }

 private:
  static constexpr std::size_t kSteps = 16, kOctaves = 44;  // 1 µs … half a year
  std::array<std::uint32_t, kSteps * kOctaves> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ms_ = 0;
};

struct Statistics {
  Histogram run, queue;                           // of items, as runners told; else from sending to answer
  std::map<std::string, std::uint64_t> failures;  // by kind
  double boot_seconds = 0;                        // of all boots together
  std::uint32_t boots = 0;
  double busy_seconds = 0, slot_seconds = 0, runner_seconds = 0, cost = 0;
  double wall_seconds = 0;
};

}  // namespace flame::client
