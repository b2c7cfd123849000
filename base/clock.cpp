#include "base/clock.hpp"

#include <algorithm>

namespace flame {
namespace {
constexpr std::uint64_t kCenturyMs = 100ULL * 365 * 24 * 3600 * 1000;
}

Deadline Deadline::from_remaining_ms(std::uint64_t remaining_ms) {
  Deadline d;
  if (remaining_ms < kCenturyMs) d.at_ = Clock::now() + milliseconds(remaining_ms);
  return d;
}

std::uint64_t Deadline::remaining_ms() const {
  if (unlimited()) return kUnlimitedMs;
  const auto left = std::chrono::ceil<milliseconds>(at_ - Clock::now()).count();
  return left <= 0 ? 0 : static_cast<std::uint64_t>(left);
}

int Deadline::poll_timeout_ms(int cap_ms) const {
  if (unlimited()) return cap_ms == std::numeric_limits<int>::max() ? -1 : cap_ms;
  return static_cast<int>(std::min<std::uint64_t>(remaining_ms(), static_cast<std::uint64_t>(cap_ms)));
}

}  // namespace flame
