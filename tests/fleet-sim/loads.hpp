// Calls that come all at once, steadily, in bursts, by day and night, or at times and lengths with heavy
// tails.
#pragma once
#include <functional>

#include "simulation.hpp"

namespace flame::sim {

// How long calls run.
struct Lengths {
  enum class Kind : std::uint8_t { fixed, exponential, lognormal };
  Kind kind = Kind::fixed;
  double mean_seconds = 1;
  double sigma = 1;  // lognormal
};

Calls batch(std::uint64_t count, Lengths lengths, std::uint64_t seed);
// Poisson with a rate that changes: calls a second at each time, at most `most`.
Calls arrivals(std::function<double(double at)> rate, double most, double until, Lengths lengths,
               std::uint64_t seed);
// Pareto's gaps between calls: clusters of any size.
Calls clusters(double per_second, double shape, double until, Lengths lengths, std::uint64_t seed);

}  // namespace flame::sim
