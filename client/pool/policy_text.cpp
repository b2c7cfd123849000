// What a decision says to machines and to people.
#include <algorithm>
#include <cstdio>

#include "base/text.hpp"
#include "client/pool/policy.hpp"

namespace flame::client {
namespace {

std::string span(double seconds) { return human_duration(static_cast<std::uint64_t>(seconds * 1e3 + 0.5)); }

std::string amount(double usd) {
  char text[32];
  std::snprintf(text, sizeof text, usd < 0.01 ? "%.4f" : "%.2f", usd);
  return text;
}

std::string counted(double number, const char* one, const char* many) {
  const auto whole = static_cast<std::uint64_t>(number + 0.5);
  return std::to_string(whole) + " " + (whole == 1 ? one : many);
}

std::string waiting(const PoolState& state) {
  std::string out = counted(state.queued, "call", "calls") + (state.queued < 1.5 ? " waits" : " wait");
  if (state.oldest_wait_seconds > 0) out += " " + span(state.oldest_wait_seconds);
  return out;
}

std::string latency(const PoolState& state) {
  return state.startable > 0 ? "a start takes " + span(state.start_seconds)
                             : "a boot takes " + span(state.boot_seconds);
}

std::string refusal_text(const PoolState& state, ScalingReason reason) {
  switch (reason) {
    case ScalingReason::at_maximum:
      return "max = " + std::to_string(state.limits.maximum) + " is reached";
    case ScalingReason::cost_per_hour:
      return "max_cost_per_hour = " + amount(state.limits.cost_per_hour_max) + " is reached";
    case ScalingReason::cost:
      return "the cost limit " + amount(state.limits.cost_max) + " is reached";
    case ScalingReason::price_unknown:
      return "a machine's price is not known before one is there, and the cost is limited";
    case ScalingReason::breaker:
      return "the last boots failed, and the next is tried later";
    default:
      return "";
  }
}

std::string reason_text(const PoolState& state, ScalingReason reason) {
  switch (reason) {
    case ScalingReason::minimum:
      return "min = " + std::to_string(state.limits.minimum);
    case ScalingReason::spares:
      return "spares = " + std::to_string(state.limits.spares);
    case ScalingReason::nobody:
      return waiting(state) + ", and no runner is there";
    case ScalingReason::response:
      return counted(state.arrivals_per_second, "call", "calls") + " a second come, of " +
             span(state.service_mean_seconds) + " each" +
             (state.limits.target_response_seconds > 0
                  ? "; target_response = " + span(state.limits.target_response_seconds)
                  : "");
    case ScalingReason::queue:
    case ScalingReason::wait:
      return waiting(state) + ", " + latency(state);
    default:
      return refusal_text(state, reason);
  }
}

std::string enough_text(const PoolState& state) {
  const std::uint32_t coming = state.starting + state.booting;
  std::string out = "boots none: ";
  if (coming > 0) return out + counted(coming, "runner", "runners") + " will be ready soon";
  if (state.queued <= 0) return out + "no call waits";
  return out + waiting(state) + ", which is done before a boot, which takes " + span(state.boot_seconds);
}

}  // namespace

std::string_view scaling_reason_name(ScalingReason reason) {
  switch (reason) {
    case ScalingReason::enough:
      return "enough";
    case ScalingReason::minimum:
      return "minimum";
    case ScalingReason::nobody:
      return "nobody";
    case ScalingReason::spares:
      return "spares";
    case ScalingReason::queue:
      return "queue";
    case ScalingReason::wait:
      return "wait";
    case ScalingReason::response:
      return "response";
    case ScalingReason::at_maximum:
      return "maximum";
    case ScalingReason::cost_per_hour:
      return "cost_per_hour";
    case ScalingReason::cost:
      return "cost";
    case ScalingReason::price_unknown:
      return "price_unknown";
    case ScalingReason::breaker:
      return "breaker";
    case ScalingReason::idle:
      return "idle";
  }
  return "";
}

std::string scaling_sentence(const PoolState& state, const ScalingDecision& decision) {
  if (!decision.drain.empty()) {
    const RunnerLoad& last = state.runners[decision.drain.back()];
    return "drains " + std::to_string(decision.drain.size()) + ": " +
           (last.busy > 0 ? "the others can do what comes"
                          : "nothing to do for " + span(state.now_seconds - last.idle_since_seconds));
  }
  const std::uint32_t count = decision.start + decision.boot;
  if (decision.wanted == 0) return enough_text(state);
  const std::string why = reason_text(state, decision.reason);
  if (count == 0) return "refuses: " + refusal_text(state, decision.refusal) + "; " + why;
  std::string out;
  if (decision.start > 0) out += "starts " + std::to_string(decision.start);
  if (decision.boot > 0) out += (out.empty() ? "boots " : ", boots ") + std::to_string(decision.boot);
  if (count < decision.wanted) out += " of " + std::to_string(decision.wanted);
  out += ": " + why;
  if (count < decision.wanted) out += "; " + refusal_text(state, decision.refusal);
  return out;
}

}  // namespace flame::client
