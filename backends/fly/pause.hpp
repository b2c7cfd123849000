// Sleeping, but never past a deadline.
#pragma once
#include <algorithm>
#include <cstdint>
#include <thread>

#include "base/clock.hpp"

namespace flame::backend::fly {

inline void pause(milliseconds span, Deadline deadline) {
  const auto wanted_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(span.count(), 0));
  std::this_thread::sleep_for(milliseconds(std::min(wanted_ms, deadline.remaining_ms())));
}

}  // namespace flame::backend::fly
