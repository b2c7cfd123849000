// The policy in virtual time, a short part of ./dev bench fleet: the same figures each time, on every
// machine.
#include <doctest/doctest.h>

#include "scenarios.hpp"

using namespace flame::sim;

namespace {

constexpr double kHour = 3600;

Stream stream(std::function<double(double)> rate, double most, double target_seconds) {
  Stream out;
  out.calls = [=] { return arrivals(rate, most, kHour, {Lengths::Kind::exponential, 0.2, 0}, 7); };
  out.target_seconds = target_seconds;
  out.maximum = 60;
  out.until_seconds = kHour;
  return out;
}

}  // namespace

TEST_CASE("fleet: a batch takes hardly longer than all its machines would") {
  const Batch some[] = {{"tiny", 1'000, {Lengths::Kind::fixed, 0.005, 0}, 10, 2},
                        {"long", 40, {Lengths::Kind::fixed, 10, 0}, 100},
                        {"one", 1'000, {Lengths::Kind::fixed, 0.05, 0}, 1},
                        {"many", 20'000, {Lengths::Kind::fixed, 0.5, 0}, 500}};
  for (const Batch& batch : some) {
    CAPTURE(batch.name);
    CHECK(run_batch(batch, true).ratio() <= 1.15);
    CHECK(run_batch(batch, false).ratio() <= 1.15);
  }
}

// The longest call may come last: of that no number of machines knows.
TEST_CASE("fleet: a batch with heavy tails takes as long as with all machines from the beginning") {
  const Batch tails{"tails", 5'000, {Lengths::Kind::lognormal, 1, 1}, 100};
  const BatchResult result = run_batch(tails, true);
  CHECK(result.outcome.end_seconds <= 1.02 * result.all_at_once_seconds);
}

TEST_CASE("fleet: quick calls do not boot a machine each") {
  const Batch quick{"quick", 200, {Lengths::Kind::fixed, 0.005, 0}, 200};
  CHECK(run_batch(quick, true).outcome.boots <= 10);
  CHECK(run_batch(quick, false).outcome.boots <= 50);
}

TEST_CASE("fleet: steady calls cost what the best fixed fleet costs, and meet the target") {
  const StreamResult result = run_stream(stream([](double) { return 20.0; }, 20, 1), 0);
  CHECK(result.policy.response_p95 <= 1);
  CHECK(result.policy.cost <= 1.05 * result.fixed.cost);
}

TEST_CASE("fleet: bursts cost less than a fleet that stands by, and meet the target") {
  const auto bursts = [](double at) { return static_cast<int>(at) % 600 < 60 ? 60.0 : 1.0; };
  const StreamResult result = run_stream(stream(bursts, 60, 1), 0);
  CHECK(result.policy.response_p95 <= 1);
  CHECK(result.policy.cost <= 0.7 * result.fixed.cost);
  CHECK(result.policy.cost < result.per_call_cost);
}

TEST_CASE("fleet: what an hour may cost is never exceeded") {
  Stream limited = stream([](double) { return 40.0; }, 40, 1);
  limited.cost_per_hour_max = 5;
  const StreamResult result = run_stream(limited, 0);
  CHECK(result.policy.cost_per_hour_most <= 1.05 * 5);
  CHECK(result.policy.cost_per_hour_most >= 0.9 * 5);
}

TEST_CASE("fleet: a load that stays the same does not make it flap") {
  const StreamResult result = run_stream(stream([](double) { return 20.0; }, 20, 1), 0);
  CHECK(result.policy.drains <= 66);  // of an hour: about one in a minute
}
