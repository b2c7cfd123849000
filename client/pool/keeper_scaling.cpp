// The part of Keeper that asks the policy.
#include <algorithm>
#include <boost/json.hpp>

#include "client/json_text.hpp"
#include "client/pool/keeper.hpp"
#include "client/pool/policy.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using State = KeptRunner::State;

double seconds_of(Clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

void Keeper::take_calls(Kept& one, const json::object& info, Clock::time_point now) {
  one.p95_ms = number_of(info, "p95_ms").value_or(0);
  one.oldest_wait_ms = one.longest_run_ms = 0;
  const auto* calls = info.if_contains("in_flight");
  if (calls == nullptr || !calls->is_array()) return;  // a hello does not tell them
  load_.saw(one.machine.name, count_of(info, "calls"), one.busy + one.queued, one.busy, now);
  for (const json::value& call : calls->get_array()) {
    if (!call.is_object()) continue;
    const bool waits = text_of(call.get_object(), "state") == "queued";
    double& most = waits ? one.oldest_wait_ms : one.longest_run_ms;
    most = std::max(most, number_of(call.get_object(), "age_ms").value_or(0));
  }
}

double Keeper::boot_seconds() const {
  if (counters_.boots_ready > 0) return counters_.boot_seconds / static_cast<double>(counters_.boots_ready);
  return usual_boot_seconds(pool_.settings());
}

PoolState Keeper::load_now(Clock::time_point now) const {
  const PoolSettings& settings = pool_.settings();
  PoolState out;
  out.now_seconds = seconds_of(now);
  out.changed_at_seconds = seconds_of(changed_at_);
  out.booting = static_cast<std::uint32_t>(boots_.size());
  out.slots_each = static_cast<std::uint32_t>(settings.slots);
  double p95_ms = 0;
  for (const Kept& one : runners_) {
    if (is_current(one)) {
      out.startable += one.state == State::resting ? 1 : 0;
      out.booting += one.state == State::coming ? 1 : 0;
    }
    out.price_per_second = std::max(out.price_per_second, one.machine.price_per_second);
    if (one.state != State::ready) continue;
    out.queued += static_cast<double>(one.queued);
    out.oldest_wait_seconds = std::max(out.oldest_wait_seconds, one.oldest_wait_ms / 1e3);
    out.running_seconds = std::max(out.running_seconds, one.longest_run_ms / 1e3);
    p95_ms = std::max(p95_ms, one.p95_ms);
  }
  out.service_mean_seconds = load_.service_seconds(now);
  // Runners tell how long calls took from their arrival: as long as none waits, that is their run.
  if (out.queued == 0) out.service_p95_seconds = p95_ms / 1e3;
  // Without a target what waits decides: a batch comes as fast as it is served, and that says nothing.
  if (settings.target_response_ms > 0) {
    out.arrivals_per_second = load_.arrivals_per_second(now);
    out.arrivals_peak_per_second = load_.arrivals_peak_per_second(now);
  }
  out.boot_seconds = out.start_seconds = boot_seconds();
  out.price_known = !pool_.spends() || out.price_per_second > 0;
  out.breaker_open = boot_pause_.count() > 0 && now < boot_not_before_;
  out.limits = scaling_limits(settings);
  out.limits.spares = static_cast<std::uint32_t>(options_.spares);
  return out;
}

// What the policy wants for the current generation, for plan_keeping.
void Keeper::scale(KeepState& state, Clock::time_point now) const {
  std::vector<RunnerLoad> loads;
  std::vector<const Kept*> whose;
  for (const Kept& one : runners_) {
    if (!is_current(one) || (one.state != State::ready && one.state != State::leaving)) continue;
    const auto idle_since = now - milliseconds(one.idle_ms);
    loads.push_back({static_cast<std::uint32_t>(std::max<std::uint64_t>(one.slots, 1)),
                     static_cast<std::uint32_t>(one.busy), one.state == State::leaving,
                     seconds_of(idle_since)});
    whose.push_back(&one);
  }
  PoolState load = load_now(now);
  load.runners = loads;
  const ScalingDecision decision = decide_scaling(load);
  state.more = decision.start + decision.boot;
  state.why = scaling_sentence(load, decision);
  state.refused = decision.refusal != ScalingReason::enough;
  // On this computer an idle runner costs nothing, and idle_timeout is what its user has chosen.
  if (pool_.spends())
    for (const std::uint32_t index : decision.drain) state.idle.push_back(whose[index]->machine.name);
}

}  // namespace flame::client
