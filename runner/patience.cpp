#include "runner/patience.hpp"

#include <algorithm>
#include <vector>

namespace flame::runner {

void Patience::Waiter::arm(milliseconds patience) {
  deadline_ = Clock::now() + patience;
  with_.timer_.watch(deadline_);
}

void Patience::look() {
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
  timer_.watch(next);
}

}  // namespace flame::runner
