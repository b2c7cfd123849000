#include "loads.hpp"

#include <cmath>
#include <memory>
#include <random>

namespace flame::sim {
namespace {

// Drawn by hand: the library's distributions may differ from one version to the next, and the tables with
// them.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : bits_(seed) {}
  double unit() { return (static_cast<double>(bits_() >> 11) + 0.5) * 0x1p-53; }
  double exponential(double mean) { return -std::log(unit()) * mean; }
  double normal() { return std::sqrt(-2 * std::log(unit())) * std::cos(2 * 3.141592653589793 * unit()); }
  double length(const Lengths& lengths) {
    switch (lengths.kind) {
      case Lengths::Kind::fixed:
        return lengths.mean_seconds;
      case Lengths::Kind::exponential:
        return exponential(lengths.mean_seconds);
      case Lengths::Kind::lognormal:
        return lengths.mean_seconds * std::exp(lengths.sigma * normal() - lengths.sigma * lengths.sigma / 2);
    }
    return 0;
  }

 private:
  std::mt19937_64 bits_;
};

}  // namespace

Calls batch(std::uint64_t count, Lengths lengths, std::uint64_t seed) {
  return [dice = Dice(seed), left = count, lengths]() mutable -> std::optional<Call> {
    if (left-- == 0) return std::nullopt;
    return Call{0, dice.length(lengths)};
  };
}

Calls arrivals(std::function<double(double)> rate, double most, double until, Lengths lengths,
               std::uint64_t seed) {
  return [dice = Dice(seed), rate = std::move(rate), most, until, lengths,
          at = 0.0]() mutable -> std::optional<Call> {
    do at += dice.exponential(1 / most);
    while (at < until && dice.unit() * most >= rate(at));
    if (at >= until) return std::nullopt;
    return Call{at, dice.length(lengths)};
  };
}

Calls clusters(double per_second, double shape, double until, Lengths lengths, std::uint64_t seed) {
  const double least = (shape - 1) / shape / per_second;  // the gaps' mean is then 1 / per_second
  return [dice = Dice(seed), least, shape, until, lengths, at = 0.0]() mutable -> std::optional<Call> {
    at += least * std::pow(dice.unit(), -1 / shape);
    if (at >= until) return std::nullopt;
    return Call{at, dice.length(lengths)};
  };
}

}  // namespace flame::sim
