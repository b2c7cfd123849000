#include "client/pool/policy.hpp"

#include <algorithm>
#include <cmath>

namespace flame::client {
namespace {

// One more machine is worth its boot when it saves a tenth of it: then a batch takes at most that much longer
// than on any number of machines.
constexpr double kWorthOfBoot = 0.1;
// Of calls that nobody has seen run: enough slots that each gets so many.
constexpr double kUnknownCallsPerSlot = 48;
// Of all calls, so many may take longer than the target: fewer than 5 of 100, for a rate is known roughly.
constexpr double kLateShare = 0.045;
constexpr double kRarely = 0.01;  // calls that find no slot: more slots would change nothing
// Calls of unknown length say something once they have run for so much of a boot: sooner it is the way there.
constexpr double kTellingShareOfBoot = 0.1;
// An idle runner costs what a boot of this many times its length would; sooner it would flap.
constexpr double kHoldBoots = 10, kHoldLeastSeconds = 1;

struct View {
  std::uint32_t ready = 0, draining = 0, coming = 0;
  double slots = 0, busy = 0;  // of those that are ready
  double each = 1;             // slots of one more
  double latency = 1;          // seconds until one more is there
};

View look_at(const PoolState& state) {
  View out;
  for (const RunnerLoad& runner : state.runners) {
    if (runner.draining) {
      ++out.draining;
      continue;
    }
    ++out.ready;
    out.slots += runner.slots;
    out.busy += runner.busy;
  }
  out.coming = state.starting + state.booting;
  if (state.slots_each > 0)
    out.each = state.slots_each;
  else if (out.ready > 0)
    out.each = std::max(1.0, out.slots / out.ready);
  out.latency = state.startable > 0 ? state.start_seconds : state.boot_seconds;
  return out;
}

// A call's run; 0: nothing is known. Those that run still take at least as long as they have.
double service_seconds(const PoolState& state, const View& view) {
  if (state.service_mean_seconds > 0) return state.service_mean_seconds;
  return state.running_seconds >= kTellingShareOfBoot * view.latency ? state.running_seconds : 0;
}

// How long what waits now may take altogether: to the target, where that leaves one more the time to be of
// use.
double patience_seconds(const PoolState& state, const View& view) {
  const double useful = view.latency * (1 + kWorthOfBoot);
  const double target = state.limits.target_response_seconds;
  const double left = target - state.service_mean_seconds;
  if (target <= 0 || left >= useful) return std::max(useful, left);
  return std::max(useful, view.latency + left);  // it is missed: more calls come meanwhile than wait now
}

// Slots with which what waits is done in time; those that come serve only what is left of it.
double slots_for_queue(const PoolState& state, const View& view) {
  if (state.queued <= 0) return 0;
  const double service = service_seconds(state, view);
  if (service <= 0) return view.slots > 0 ? 0 : state.queued / kUnknownCallsPerSlot;
  const double work = state.queued * service;
  const double patience = patience_seconds(state, view);
  if (work <= view.slots * patience) return 0;
  const double more = (work - view.slots * patience) / (patience - view.latency);
  return std::min(view.slots + more, view.busy + state.queued);  // a call needs one slot
}

// Calls that come at random to so many slots; how long they run is told by mean and 95th percentile, as a
// fixed part and one that fades.
class Traffic {
 public:
  Traffic(double rate, double mean_seconds, double p95_seconds)
      : load_(rate * mean_seconds),
        mean_(mean_seconds),
        fading_(std::clamp((p95_seconds - mean_seconds) / 2, 0.01 * mean_seconds, mean_seconds)) {}

  // The least count with which at most kLateShare take longer than this.
  double slots_for(double target_seconds) const {
    double blocking = 1;  // Erlang's recursion
    for (double slots = 1;; ++slots) {
      blocking = load_ * blocking / (slots + load_ * blocking);
      if (slots <= load_) continue;
      const double waits = blocking / (1 - load_ / slots * (1 - blocking));
      if (late(slots, waits, target_seconds) <= kLateShare || waits <= kRarely) return slots;
    }
  }

 private:
  // waits: the share of calls that find no free slot.
  double late(double slots, double waits, double target_seconds) const {
    const double left = target_seconds - (mean_ - fading_);
    if (left <= 0) return 1;
    const double run = std::exp(-left / fading_);
    const double pace = (slots - load_) / mean_;  // at which what waits ends
    const double gap = pace - 1 / fading_;
    if (std::abs(gap) < 1e-6 * pace) return run * (1 + waits * left * pace);
    return (1 - waits) * run + waits * (pace * run - std::exp(-pace * left) / fading_) / gap;
  }

  double load_, mean_, fading_;
};

// growing: else the most of late decides, so that what left is not called back at once.
double slots_for_arrivals(const PoolState& state, const View& view, bool growing) {
  if (state.service_mean_seconds <= 0 || state.arrivals_per_second <= 0) return 0;
  const double p95 = std::max(state.service_p95_seconds, state.service_mean_seconds);
  const double target =
      state.limits.target_response_seconds > 0 ? state.limits.target_response_seconds : p95 + view.latency;
  // Too little time to boot when more come: what came of late may come again.
  const bool in_time = growing && target - p95 >= view.latency;
  const double rate = in_time ? state.arrivals_per_second
                              : std::max(state.arrivals_per_second, state.arrivals_peak_per_second);
  return Traffic(rate, state.service_mean_seconds, p95).slots_for(target);
}

struct Wish {
  std::uint32_t count = 0;
  ScalingReason reason = ScalingReason::enough;
  void raise(double to, ScalingReason why) {
    if (to <= count) return;
    count = static_cast<std::uint32_t>(std::min(to, 1e9));
    reason = why;
  }
};

std::uint32_t machines(double slots, const View& view) {
  return static_cast<std::uint32_t>(std::ceil(slots / view.each - 1e-9));
}

Wish wish_of(const PoolState& state, const View& view, bool growing) {
  Wish out;
  if (state.queued > 0) out.raise(1, ScalingReason::nobody);
  out.raise(machines(slots_for_arrivals(state, view, growing), view), ScalingReason::response);
  out.raise(machines(slots_for_queue(state, view), view), ScalingReason::queue);
  // Where the rate is known, a few late ones are nothing new.
  const double patience = patience_seconds(state, view) * (state.arrivals_per_second > 0 ? 2 : 1);
  const bool late = state.queued > 0 && state.oldest_wait_seconds > patience;
  if (late && view.coming == 0) out.raise(view.ready + 1, ScalingReason::wait);
  if (state.limits.spares > 0)
    out.raise(machines(view.busy, view) + state.limits.spares, ScalingReason::spares);
  out.raise(state.limits.minimum, ScalingReason::minimum);
  return out;
}

// How many more there may be, and what stands in the way of others.
struct Room {
  std::uint32_t count;
  ScalingReason limit;
  void lower(double to, ScalingReason why) {
    if (to >= count) return;
    count = static_cast<std::uint32_t>(std::max(0.0, to));
    limit = why;
  }
};

Room room_in(const PoolState& state, const View& view) {
  const double there = view.ready + view.coming, paid = there + view.draining;
  Room out{std::numeric_limits<std::uint32_t>::max(), ScalingReason::enough};
  out.lower(state.limits.maximum - there, ScalingReason::at_maximum);
  const double price = state.price_per_second;
  if (price > 0)
    out.lower(std::floor(state.limits.cost_per_hour_max / (3600 * price) + 1e-9) - paid,
              ScalingReason::cost_per_hour);
  else if (!state.price_known && std::min(state.limits.cost_per_hour_max, state.limits.cost_max) < kNoLimit)
    out.lower(1 - paid, ScalingReason::price_unknown);
  // What is there goes on costing while one more boots.
  if (state.limits.cost_max < kNoLimit && state.cost + price * paid * view.latency >= state.limits.cost_max)
    out.lower(0, ScalingReason::cost);
  if (state.breaker_open) out.lower(0, ScalingReason::breaker);
  return out;
}

ScalingDecision grow(const PoolState& state, const View& view, const Wish& wish) {
  ScalingDecision out;
  out.wanted = wish.count - view.ready - view.coming;
  out.reason = wish.reason;
  const Room room = room_in(state, view);
  const std::uint32_t count = std::min(out.wanted, room.count);
  if (count < out.wanted) out.refusal = room.limit;
  out.start = std::min(count, state.startable);
  out.boot = count - out.start;
  return out;
}

std::uint32_t least_busy(const PoolState& state) {
  std::uint32_t best = 0;
  for (std::uint32_t i = 0; i < state.runners.size(); ++i)
    if (!state.runners[i].draining &&
        (state.runners[best].draining || state.runners[i].busy <= state.runners[best].busy))
      best = i;
  return best;
}

// Those that have been idle the longest go first, and only such as have been so for a while.
ScalingDecision shrink(const PoolState& state, const View& view, std::uint32_t keep) {
  ScalingDecision out;
  if (state.queued > 0 || view.coming > 0 || view.ready <= keep) return out;
  const double hold = std::max(kHoldLeastSeconds, kHoldBoots * view.latency);
  for (std::uint32_t i = 0; i < state.runners.size(); ++i) {
    const RunnerLoad& runner = state.runners[i];
    const bool idle = !runner.draining && runner.busy == 0;
    if (idle && state.now_seconds - runner.idle_since_seconds >= hold) out.drain.push_back(i);
  }
  const auto longer = [&](std::uint32_t a, std::uint32_t b) {
    return state.runners[a].idle_since_seconds < state.runners[b].idle_since_seconds;
  };
  std::stable_sort(out.drain.begin(), out.drain.end(), longer);
  if (out.drain.size() > view.ready - keep) out.drain.resize(view.ready - keep);
  // Where all have a little to do, none would ever be idle: the one with the least finishes that and goes.
  const bool quiet = state.now_seconds - state.changed_at_seconds >= kHoldBoots * state.boot_seconds;
  if (out.drain.empty() && state.arrivals_per_second > 0 && quiet && view.busy + view.each <= view.slots)
    out.drain.push_back(least_busy(state));
  if (!out.drain.empty()) out.reason = ScalingReason::idle;
  return out;
}

}  // namespace

ScalingLimits scaling_limits(const PoolSettings& settings) {
  ScalingLimits out;
  out.minimum = static_cast<std::uint32_t>(settings.min);
  out.maximum = static_cast<std::uint32_t>(settings.max);
  out.target_response_seconds = static_cast<double>(settings.target_response_ms) / 1e3;
  if (settings.max_cost_per_hour > 0) out.cost_per_hour_max = settings.max_cost_per_hour;
  return out;
}

ScalingDecision decide_scaling(const PoolState& state) {
  const View view = look_at(state);
  const Wish wish = wish_of(state, view, true);
  if (wish.count > view.ready + view.coming) return grow(state, view, wish);
  return shrink(state, view, wish_of(state, view, false).count);
}

}  // namespace flame::client
