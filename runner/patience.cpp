#include "runner/patience.hpp"

#include <algorithm>
#include <vector>

namespace flame::runner {

void Patience::Waiter::arm(milliseconds patience) {
  deadline_ = Clock::now() + patience;
  with_.watch(deadline_);
}

void Patience::watch(Clock::time_point deadline) {
  if (deadline >= timer_at_) return;
  timer_at_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([this](boost::system::error_code failed) {
    if (!failed) look();
  });
}

void Patience::look() {
  timer_at_ = Clock::time_point::max();
  const auto now = Clock::now();
  std::vector<Waiter*> over;
  auto next = Clock::time_point::max();
  for (Waiter* waiter : waiters_) {
    if (waiter->deadline_ <= now)
      over.push_back(waiter);
    else
      next = std::min(next, waiter->deadline_);
  }
  for (Waiter* waiter : over) {
    waiter->disarm();
    waiter->impatient();
  }
  watch(next);
}

}  // namespace flame::runner
