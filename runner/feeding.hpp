// How far ahead a worker is fed. A pure function, so that it can be argued with in a test.
#pragma once
#include <cstddef>

namespace flame::runner {

// What a worker has been given and not answered.
struct Backlog {
  std::size_t calls = 0;
  double expected_us = 0;
  std::size_t bytes = 0;
};

// Enough that a worker never waits for the runner (a wake-up of another core takes up to 100 µs), little
// enough that a call seldom stands behind others while a worker elsewhere becomes free.
inline constexpr double kAheadTarget_us = 1500;
inline constexpr std::size_t kAheadMaxBytes = 256 * 1024;

// Whether one more call of this mean (0: not measured) and size goes to a worker with this backlog.
bool feed_more(const Backlog& backlog, double mean_us, std::size_t bytes);

// The mean after `count` calls took `took_us` together; mean_us 0: these are the first.
double next_mean(double mean_us, double took_us, std::size_t count);

}  // namespace flame::runner
