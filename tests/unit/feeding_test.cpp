#include "runner/feeding.hpp"

#include <doctest/doctest.h>

#include "wire/limits.hpp"

using namespace flame::runner;

namespace {
// How many calls of this mean a worker is given at once.
std::size_t depth(double mean_us, std::size_t bytes = 100) {
  Backlog backlog;
  while (feed_more(backlog, mean_us, bytes)) {
    ++backlog.calls;
    backlog.expected_us += mean_us;
    backlog.bytes += bytes;
  }
  return backlog.calls;
}
}  // namespace

TEST_CASE("a call that was not measured is alone with its worker") { CHECK(depth(0) == 1); }

TEST_CASE("the depth follows the mean, from 2 to the limit") {
  CHECK(depth(0.5) == flame::wire::kFeedAheadMaxCount);
  CHECK(depth(10) == 150);
  CHECK(depth(100) == 15);
  CHECK(depth(1000) == 2);
  CHECK(depth(3'600'000'000.0) == 2);
}

TEST_CASE("large calls are bounded by bytes; the first always goes") {
  CHECK(depth(1, kAheadMaxBytes / 4) == 4);
  CHECK(depth(1, kAheadMaxBytes + 1) == 1);
}

TEST_CASE("the mean follows what is measured, many at once faster than one") {
  CHECK(next_mean(0, 500, 1) == 500);
  CHECK(next_mean(0, 500, 10) == 50);
  CHECK(next_mean(100, 100, 1) == doctest::Approx(100));
  CHECK(next_mean(100, 10, 1) == doctest::Approx(88.75));
  CHECK(next_mean(100, 100, 10) == doctest::Approx(55));
  CHECK(next_mean(100, 5, 0) == 100);
  CHECK(next_mean(100, 0, 1) > 0);
}
