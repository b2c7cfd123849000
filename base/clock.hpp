// Time that only goes forward. Deadlines cross the wire as remaining milliseconds, never as dates.
#pragma once
#include <chrono>
#include <cstdint>
#include <limits>

namespace flame {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

inline constexpr std::uint64_t kUnlimitedMs = std::numeric_limits<std::uint64_t>::max();

// One deadline for all phases of a call. Default: none.
class Deadline {
 public:
  Deadline() = default;
  static Deadline in(milliseconds span) {
    return from_remaining_ms(span.count() < 0 ? 0 : static_cast<std::uint64_t>(span.count()));
  }
  // kUnlimitedMs, or anything longer than a century, is no deadline.
  static Deadline from_remaining_ms(std::uint64_t remaining_ms);

  bool unlimited() const { return at_ == Clock::time_point::max(); }
  bool passed() const { return !unlimited() && Clock::now() >= at_; }
  Clock::time_point at() const { return at_; }
  // Rounded up, so that 0 means passed; kUnlimitedMs without a deadline.
  std::uint64_t remaining_ms() const;
  // For poll(2): -1 without a deadline, at most cap_ms.
  int poll_timeout_ms(int cap_ms = std::numeric_limits<int>::max()) const;
  Deadline earlier(Deadline other) const { return at_ <= other.at_ ? *this : other; }

 private:
  Clock::time_point at_ = Clock::time_point::max();
};

}  // namespace flame
