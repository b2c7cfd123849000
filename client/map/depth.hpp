// How many calls one runner should have at a time: enough that it never waits for us, few enough that slow
// items do not pile up there while another runner is idle.
#pragma once
#include <cstdint>

#include "base/clock.hpp"

namespace flame::client {

// Follows the runner's pace, as a transport follows its path: twice what it finishes in the time that a call
// takes when nobody is before it, and 5 ms more.
class Depth {
 public:
  Depth(std::uint32_t slots, std::uint32_t credit) : slots_(slots), credit_(credit), target_(2 * slots) {}

  // in_flight: before these ended. latency: of the quickest of them.
  void ended(std::uint32_t count, std::uint32_t in_flight, Clock::duration latency, Clock::time_point now);

  // Calls have a deadline of their own, which runs while they wait: no longer than this.
  void limit_wait(milliseconds span) {
    wait_max_ = span;
    target_ = slots_;
  }

  std::uint32_t target() const { return target_ < credit_ ? target_ : credit_; }
  double per_second() const { return per_second_; }  // 0: not known yet

 private:
  std::uint32_t slots_, credit_, target_;
  double per_second_ = 0;
  Clock::duration least_latency_ = Clock::duration::max();
  Clock::time_point since_{};  // of what is being counted; zero: nothing is
  std::uint32_t counted_ = 0;
  milliseconds wait_max_{0};  // 0: no limit
};

}  // namespace flame::client
