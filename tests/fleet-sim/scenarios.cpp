#include "scenarios.hpp"

#include <algorithm>
#include <cmath>

#include "client/map/statistics.hpp"

namespace flame::sim {
namespace {

using Kind = Lengths::Kind;
constexpr std::uint64_t kSeed = 1;
constexpr double kHour = 3600;
constexpr double kPi = 3.141592653589793;

Outcome run_fixed(const Stream& stream, std::uint32_t count) {
  Settings settings;
  settings.fixed = count;
  Outcome out = simulate(settings, stream.calls(), kSeed);
  out.cost = count * std::max(stream.until_seconds, out.end_seconds) * settings.engine.price_per_second;
  return out;
}

// The least count whose p95 is no more than this: more machines never make it longer.
std::uint32_t least_fixed(const Stream& stream, double p95_seconds) {
  std::uint32_t low = 1, high = stream.maximum;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (run_fixed(stream, middle).response_p95 <= p95_seconds)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace

std::vector<Batch> batches() {
  return {
      {"1,000 of 5 ms", 1'000, {Kind::fixed, 0.005, 0}, 10, 2},
      {"40 of 10 s", 40, {Kind::fixed, 10, 0}, 100},
      {"1,000 of 50 ms, one machine", 1'000, {Kind::fixed, 0.05, 0}, 1},
      {"10,000 of 0.1 s", 10'000, {Kind::exponential, 0.1, 0}, 100, 2},
      {"10,000 of 1 s, heavy tails", 10'000, {Kind::lognormal, 1, 1}, 100},
      {"100,000 of 1 s, heavy tails", 100'000, {Kind::lognormal, 1, 1}, 1'000},
      {"1,000,000 of 0.5 s", 1'000'000, {Kind::exponential, 0.5, 0}, 10'000},
      {"10,000,000 of 0.1 s", 10'000'000, {Kind::exponential, 0.1, 0}, 10'000, 2, true},
  };
}

BatchResult run_batch(const Batch& batch, bool known) {
  Settings settings;
  settings.limits.maximum = batch.maximum;
  settings.slots = batch.slots;
  settings.service_known = known;
  settings.service_mean_seconds = batch.lengths.mean_seconds;
  BatchResult out;
  out.outcome = simulate(settings, sim::batch(batch.count, batch.lengths, kSeed), kSeed);
  settings.fixed = batch.maximum;
  out.all_at_once_seconds =
      settings.engine.boot_seconds +
      simulate(settings, sim::batch(batch.count, batch.lengths, kSeed), kSeed).end_seconds;
  out.bound_seconds =
      std::max(out.outcome.work_seconds / (batch.maximum * batch.slots), out.outcome.longest_seconds) +
      settings.engine.boot_seconds;
  return out;
}

std::vector<Stream> streams() {
  const Lengths quick{Kind::exponential, 0.2, 0}, tailed{Kind::lognormal, 0.2, 1.2};
  const auto steady = [](double) { return 20.0; };
  const auto bursts = [](double at) { return std::fmod(at, 600) < 60 ? 60.0 : 1.0; };
  const auto day = [](double at) { return 21 - 20 * std::cos(2 * kPi * at / (24 * kHour)); };
  return {
      {"steady", [=] { return arrivals(steady, 20, 4 * kHour, quick, kSeed); }, 1, 200, 4 * kHour},
      {"bursts", [=] { return arrivals(bursts, 60, 4 * kHour, quick, kSeed); }, 1, 200, 4 * kHour},
      {"bursts, a boot allowed", [=] { return arrivals(bursts, 60, 4 * kHour, quick, kSeed); }, 3, 200,
       4 * kHour},
      {"day and night", [=] { return arrivals(day, 41, 24 * kHour, quick, kSeed); }, 1, 200, 24 * kHour},
      {"heavy tails", [=] { return clusters(10, 1.5, 4 * kHour, tailed, kSeed); }, 1.5, 200, 4 * kHour},
      {"day and night, 8 an hour", [=] { return arrivals(day, 41, 24 * kHour, quick, kSeed); }, 1, 200,
       24 * kHour, 8},
  };
}

StreamResult run_stream(const Stream& stream, double sample_seconds) {
  Settings settings;
  settings.limits.maximum = stream.maximum;
  settings.limits.target_response_seconds = stream.target_seconds;
  settings.limits.cost_per_hour_max = stream.cost_per_hour_max;
  settings.sample_seconds = sample_seconds;
  StreamResult out;
  out.policy = simulate(settings, stream.calls(), kSeed);
  out.fixed_count = least_fixed(stream, stream.target_seconds);
  out.fixed = run_fixed(stream, out.fixed_count);
  settings.limits.target_response_seconds = out.fixed.response_p95;
  settings.sample_seconds = 0;
  out.as_quick = simulate(settings, stream.calls(), kSeed);
  const double one =
      std::max(stream.until_seconds, out.policy.end_seconds) * settings.engine.price_per_second;
  out.same_cost_count = std::max(1U, static_cast<std::uint32_t>(out.policy.cost / one));
  out.same_cost = run_fixed(stream, out.same_cost_count);
  out.always_max = run_fixed(stream, stream.maximum);
  client::Histogram each;
  auto calls = stream.calls();
  while (const auto call = calls()) {
    each.add((call->seconds + settings.engine.boot_seconds) * 1e3);
    out.per_call_cost += (call->seconds + settings.engine.boot_seconds) * settings.engine.price_per_second;
  }
  out.per_call_p95 = each.percentile(95) / 1e3;
  return out;
}

}  // namespace flame::sim
