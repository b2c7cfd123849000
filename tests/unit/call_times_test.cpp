// Percentiles of a runner's calls.
#include "runner/call_times.hpp"

#include <doctest/doctest.h>

using namespace flame;
using namespace flame::runner;
using std::chrono::microseconds;
using std::chrono::seconds;

TEST_CASE("percentiles are within a tenth, of the last half minute, and 0 without calls") {
  CallTimes times;
  const Clock::time_point start{seconds(1000)};
  CHECK(times.seconds(0.5, start) == 0);
  for (int ms = 1; ms <= 100; ++ms) times.add(milliseconds(ms), start);
  const auto near = [&](double fraction, double wanted, Clock::time_point now) {
    const double is = times.seconds(fraction, now);
    CHECK(is >= wanted);
    CHECK(is <= wanted * 1.1);
  };
  near(0.5, 0.050, start);
  near(0.95, 0.095, start);
  near(1, 0.100, start);
  // The window before counts, too; what is older does not.
  times.add(seconds(5), start + seconds(16));
  near(0.5, 0.051, start + seconds(16));
  near(1, 5, start + seconds(16));
  times.add(microseconds(0), start + seconds(32));
  near(1, 5, start + seconds(32));
  times.add(seconds(1), start + seconds(63));
  near(0.01, 1, start + seconds(63));
  CHECK(times.seconds(0.5, start + seconds(100)) == 0);
  // The shortest and the longest have a bucket.
  times.add(std::chrono::hours(1000), start + seconds(100));
  CHECK(times.seconds(1, start + seconds(100)) > 3600 * 18);
}

TEST_CASE("all calls are looked at while they are few, then one of 16") {
  CallTimes times;
  const Clock::time_point start{seconds(1000)};
  int looks = 0;
  for (int i = 0; i < 4096 + 1600; ++i)
    if (times.wanted()) {
      ++looks;
      times.add(milliseconds(1), start);
    }
  CHECK(looks == 4096 + 100);
}
