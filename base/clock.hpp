// Time that only goes forward. Deadlines cross the wire as remaining milliseconds, never as dates.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace flame {

using std::chrono::milliseconds;

// The steady clock. In a machine that flame-fly-emulator suspends it stands still meanwhile, as a real
// machine's does; for that a program must ask once (follow_emulated_clock), and its timers be of this clock.
struct Clock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;
  static time_point now() noexcept {
    const auto now = std::chrono::steady_clock::now();
    const auto* behind = behind_ns_.load(std::memory_order_relaxed);
    return behind == nullptr ? now : now - std::chrono::nanoseconds(behind->load(std::memory_order_relaxed));
  }

 private:
  friend void follow_emulated_clock();
  static constinit std::atomic<const std::atomic<std::int64_t>*> behind_ns_;
};

inline std::uint64_t ms_since(Clock::time_point then) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - then).count());
}

// Where the environment's FLY_EMULATOR_CLOCK names a file, its first 8 bytes tell how many nanoseconds this
// machine was asleep. Only flame-runner's main calls it: no environment that a plugin or a call brings can
// move a clock. A name that cannot be read is as none.
void follow_emulated_clock();

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
