// How long is waited for peers: one timer for all of them, so that a call, which comes and goes within a
// millisecond, sets none.
#pragma once
#include <boost/asio/io_context.hpp>
#include <set>

#include "base/clock.hpp"
#include "runner/earliest_timer.hpp"

namespace flame::runner {

class Patience {
 public:
  // Somebody who waits, one deadline at a time. Lives no longer than its Patience; on the loop's thread only.
  class Waiter {
   public:
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   protected:
    explicit Waiter(Patience& with) : with_(with) { with_.waiters_.insert(this); }
    virtual ~Waiter() { with_.waiters_.erase(this); }
    void arm(milliseconds patience);  // instead of the deadline before
    void disarm() { deadline_ = Clock::time_point::max(); }
    // The deadline passed; there is none then. May destroy this, and nobody else.
    virtual void impatient() = 0;

   private:
    friend Patience;
    Patience& with_;
    Clock::time_point deadline_ = Clock::time_point::max();
  };

  explicit Patience(boost::asio::io_context& loop) : timer_(loop, [this] { look(); }) {}

 private:
  void look();

  EarliestTimer timer_;
  std::set<Waiter*> waiters_;
};

}  // namespace flame::runner
