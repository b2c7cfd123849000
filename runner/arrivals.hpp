// Links that were told hello and have said nothing since. Each may be about to bring a call: of many clients
// that come at once only the first would otherwise be told the truth, and all would queue here while others
// are free.
#pragma once
#include <algorithm>
#include <cstddef>
#include <map>

#include "base/clock.hpp"

namespace flame::runner {

class Arrivals {
 public:
  void told_hello(const void* link) { at_[link] = Clock::now(); }
  void spoke(const void* link) { at_.erase(link); }  // or is gone
  std::size_t count() const {
    const auto since = Clock::now() - kPatience;
    return static_cast<std::size_t>(
        std::count_if(at_.begin(), at_.end(), [&](const auto& one) { return one.second > since; }));
  }

 private:
  static constexpr milliseconds kPatience{1'000};  // who is silent for longer brings none
  std::map<const void*, Clock::time_point> at_;
};

}  // namespace flame::runner
