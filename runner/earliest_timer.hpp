// One timer for many deadlines: set to the earliest that it was told of, and left alone when that one is no
// more. When it fires, its owner looks at all of them and tells it the next.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <utility>

#include "base/clock.hpp"

namespace flame::runner {

class EarliestTimer {
 public:
  EarliestTimer(boost::asio::io_context& loop, std::function<void()> look)
      : timer_(loop), look_(std::move(look)) {}

  void watch(Clock::time_point deadline) {
    if (deadline >= at_) return;
    at_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([this](boost::system::error_code failed) {
      if (failed) return;
      at_ = Clock::time_point::max();
      look_();
    });
  }

 private:
  boost::asio::basic_waitable_timer<Clock> timer_;
  std::function<void()> look_;
  Clock::time_point at_ = Clock::time_point::max();
};

}  // namespace flame::runner
