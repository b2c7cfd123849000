#include "client/map/depth.hpp"

#include <algorithm>

namespace flame::client {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr Seconds kAhead{0.005};
constexpr Seconds kLeastSpan{0.001};  // shorter spans say more about wake-ups than about the runner

}  // namespace

void Depth::ended(std::uint32_t count, std::uint32_t in_flight, Clock::duration latency,
                  Clock::time_point now) {
  least_latency_ = std::min(least_latency_, latency);
  if (since_ == Clock::time_point()) since_ = now - latency;
  counted_ += count;
  const Seconds span = now - since_;
  if (span < kLeastSpan || counted_ < slots_) return;
  // A runner that was not kept busy shows our pace and not its own: that may raise the figure, not lower it.
  const double seen = counted_ / span.count();
  const bool busy = in_flight > slots_;
  per_second_ = per_second_ == 0 ? seen : busy ? (per_second_ + seen) / 2 : std::max(per_second_, seen);
  const double wanted = 2 * per_second_ * (Seconds(least_latency_) + kAhead).count() + slots_;
  double least = 2.0 * slots_, most = credit_;
  if (wait_max_.count() > 0) {
    least = slots_;
    most = std::min(most, slots_ + per_second_ * Seconds(wait_max_).count());
  }
  target_ = static_cast<std::uint32_t>(std::max(1.0, std::clamp(wanted, std::min(least, most), most)));
  since_ = now;
  counted_ = 0;
  if (in_flight <= count) since_ = Clock::time_point();  // idle now: waiting is not its pace
}

}  // namespace flame::client
