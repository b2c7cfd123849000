// Rate limits: a token bucket for each action and identifier (fact sheet §5.1).
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace flame::fly {

struct Rate {
  double per_second, burst;
};
inline constexpr Rate kCommonRate{1, 3}, kGetMachineRate{5, 10}, kDeleteAppRate{100.0 / 60, 100};

class Limits {
 public:
  // False when the bucket is empty; only an admitted request takes from it.
  bool admit(std::string_view action, std::string_view identifier, Rate rate, Clock::time_point now);

 private:
  static constexpr std::size_t kMostBuckets = 20'000;
  struct Bucket {
    double tokens;
    Clock::time_point filled;
    Rate rate;
  };
  static double level(const Bucket& bucket, Clock::time_point now);
  void forget_full(Clock::time_point now);

  std::map<std::pair<std::string, std::string>, Bucket> buckets_;
};

}  // namespace flame::fly
