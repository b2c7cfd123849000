// How often calls come, of late and at the most: two numbers that fade, however long one looks on.
#pragma once
#include <algorithm>
#include <cmath>

namespace flame::sim {

class Demand {
 public:
  // What came longer ago than the window counts little; a peak is forgotten over the horizon.
  Demand(double window_seconds, double horizon_seconds)
      : window_(window_seconds), horizon_(horizon_seconds) {}

  void arrived(double now_seconds, double count = 1) {
    if (began_ < 0) began_ = at_ = now_seconds;
    fade(now_seconds);
    recent_ += count;
  }
  double per_second(double now_seconds) {
    fade(now_seconds);
    // At the beginning the window is not full, and what little there is says little.
    const double seen = began_ < 0 ? 0 : 1 - std::exp(-(now_seconds - began_) / window_);
    const double rate = recent_ / (window_ * std::max(seen, kLeastSeen));
    peak_ = std::max(peak_, rate);
    return rate;
  }
  double peak_per_second(double now_seconds) {
    const double rate = per_second(now_seconds);
    return std::max(rate, peak_);
  }

 private:
  static constexpr double kLeastSeen = 0.2;
  void fade(double now_seconds) {
    const double passed = std::max(0.0, now_seconds - at_);
    recent_ *= std::exp(-passed / window_);
    peak_ *= std::exp(-passed / horizon_);
    at_ = std::max(at_, now_seconds);
  }

  double window_, horizon_, began_ = -1, at_ = 0, recent_ = 0, peak_ = 0;
};

}  // namespace flame::sim
