// What runners' answers say of a pool's load over time: how fast calls come, and how long they run.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"

namespace flame::client {

class KeepLoad {
 public:
  // An answer of a runner: calls that have ended since its start, calls that wait or run, slots that are
  // busy.
  void saw(const std::string& runner, std::uint64_t ended, std::uint64_t in_flight, std::uint64_t busy,
           Clock::time_point now);
  void gone(const std::string& runner) { last_.erase(runner); }

  double arrivals_per_second(Clock::time_point now) const;       // of the last 10 to 20 s
  double arrivals_peak_per_second(Clock::time_point now) const;  // the most of 10 s in the last five minutes
  double service_seconds(Clock::time_point now) const;  // the mean run; 0 while no call has ended lately

 private:
  struct Seen {
    std::uint64_t ended = 0, in_flight = 0, busy = 0;
    Clock::time_point at{};
  };
  struct Bucket {
    std::int64_t number = -1;  // of 10 s since the clock's beginning
    double arrived = 0, ended = 0, busy_seconds = 0;
  };
  static std::int64_t number_of(Clock::time_point now);
  const Bucket* bucket(std::int64_t number) const;

  std::map<std::string, Seen> last_;
  std::array<Bucket, 30> buckets_;
};

}  // namespace flame::client
