// How many runners there should be: each reason, each limit, each refusal.
#include <doctest/doctest.h>

#include "client/pool/policy.hpp"

using namespace flame::client;

namespace {

struct Case {
  std::vector<RunnerLoad> runners;
  PoolState state;

  explicit Case(std::uint32_t count = 0, std::uint32_t busy = 0) : runners(count, RunnerLoad{1, busy}) {
    state.limits.maximum = 100;
    state.boot_seconds = 1;
    state.start_seconds = 0.25;
    state.slots_each = 1;
  }
  ScalingDecision decide() {
    state.runners = runners;
    return decide_scaling(state);
  }
  std::string say() { return scaling_sentence(state, decide()); }
};

}  // namespace

TEST_CASE("policy: nobody boots anything for nothing") {
  Case one;
  CHECK(one.decide().boot == 0);
  CHECK(one.decide().reason == ScalingReason::enough);
  one.state.queued = 1;
  CHECK(one.decide().boot == 1);
  CHECK(one.decide().reason == ScalingReason::nobody);
  one.state.booting = 1;
  CHECK(one.decide().boot == 0);
}

TEST_CASE("policy: quick calls fill few runners, long ones many at once") {
  Case quick(1, 1);
  quick.state.queued = 200;
  quick.state.service_mean_seconds = 0.005;  // 1 s: done before one more would be there
  CHECK(quick.decide().boot == 0);
  Case lengthy(1, 1);
  lengthy.state.queued = 40;
  lengthy.state.service_mean_seconds = 10;
  CHECK(lengthy.decide().boot == 40);  // a slot for each
  lengthy.state.booting = 40;
  CHECK(lengthy.decide().boot == 0);  // those that come count
  lengthy.state.booting = 0;
  lengthy.state.queued = 1000;
  CHECK(lengthy.decide().boot == 99);
  CHECK(lengthy.decide().refusal == ScalingReason::at_maximum);
}

TEST_CASE("policy: of calls that nobody has seen run, many go to each slot") {
  Case one;
  one.state.queued = 40;
  CHECK(one.decide().boot == 1);
  one.state.queued = 480;
  CHECK(one.decide().boot == 10);
  one = Case(1, 1);
  one.state.queued = 50;
  CHECK(one.decide().boot == 0);  // the first will tell
  one.state.running_seconds = 0.05;
  CHECK(one.decide().boot == 0);  // the way there
  one.state.running_seconds = 0.5;
  CHECK(one.decide().boot > 40);
}

TEST_CASE("policy: machines that are stopped are started before any is booted") {
  Case one(1, 1);
  one.state.queued = 10;
  one.state.service_mean_seconds = 10;
  one.state.startable = 4;
  CHECK(one.decide().start == 4);
  CHECK(one.decide().boot == 6);
}

TEST_CASE("policy: a target allows to wait, and calls that come steadily keep it") {
  Case one(1, 1);
  one.state.queued = 20;
  one.state.service_mean_seconds = 0.1;  // 2 s of work
  CHECK(one.decide().boot > 0);
  one.state.limits.target_response_seconds = 5;
  CHECK(one.decide().boot == 0);
  Case rate(10, 1);
  rate.state.arrivals_per_second = 20;
  rate.state.service_mean_seconds = 0.5;  // ten at a time, and ten slots: the queue would grow
  rate.state.service_p95_seconds = 0.5;
  rate.state.limits.target_response_seconds = 1;
  const auto tight = rate.decide();
  CHECK(tight.reason == ScalingReason::response);
  CHECK(tight.boot >= 1);
  CHECK(tight.boot <= 6);
  rate.state.limits.target_response_seconds = 10;
  CHECK(rate.decide().boot < tight.boot);
}

TEST_CASE("policy: what came of late may come again when there is no time to boot for it") {
  Case one(2);
  one.state.arrivals_per_second = 1;
  one.state.arrivals_peak_per_second = 50;
  one.state.service_mean_seconds = 0.1;
  one.state.limits.target_response_seconds = 60;
  CHECK(one.decide().boot == 0);
  one.state.limits.target_response_seconds = 0.5;
  CHECK(one.decide().boot >= 4);
}

TEST_CASE("policy: one that has waited for too long gets a runner, whatever the figures say") {
  Case one(1, 1);
  one.state.queued = 1;
  one.state.service_mean_seconds = 0.001;
  one.state.oldest_wait_seconds = 1;
  CHECK(one.decide().boot == 0);
  one.state.oldest_wait_seconds = 1.2;
  CHECK(one.decide().boot == 1);
  CHECK(one.decide().reason == ScalingReason::wait);
  one.state.booting = 1;
  CHECK(one.decide().boot == 0);
}

TEST_CASE("policy: min and spares are kept") {
  Case one(1, 1);
  one.state.limits.minimum = 3;
  CHECK(one.decide().boot == 2);
  CHECK(one.decide().reason == ScalingReason::minimum);
  one.state.limits.minimum = 0;
  one.state.limits.spares = 2;
  CHECK(one.decide().boot == 2);
  CHECK(one.decide().reason == ScalingReason::spares);
  one.runners.assign(3, RunnerLoad{1, 0});
  CHECK(one.decide().boot == 0);
}

TEST_CASE("policy: no limit is crossed") {
  Case one(2, 1);
  one.runners.push_back({1, 1, true});  // it leaves, and is paid until then
  one.state.queued = 100;
  one.state.service_mean_seconds = 10;
  one.state.price_per_second = 0.1 / 3600;
  one.state.limits.cost_per_hour_max = 0.5;
  CHECK(one.decide().boot == 2);
  CHECK(one.decide().refusal == ScalingReason::cost_per_hour);
  one.state.limits.cost_per_hour_max = 0.3;
  CHECK(one.decide().boot == 0);
  one.state.price_per_second = 0;
  one.state.price_known = false;
  CHECK(one.decide().boot == 0);
  CHECK(one.decide().refusal == ScalingReason::price_unknown);
  Case first;
  first.state.queued = 100;
  first.state.price_known = false;
  first.state.limits.cost_per_hour_max = 0.3;
  CHECK(first.decide().boot == 1);
  one.state.limits.cost_per_hour_max = kNoLimit;
  CHECK(one.decide().boot == 98);
  one.state.limits.maximum = 5;
  CHECK(one.decide().boot == 3);
  one.state.breaker_open = true;
  CHECK(one.decide().boot == 0);
  CHECK(one.decide().refusal == ScalingReason::breaker);
  one.state.breaker_open = false;
  one.state.price_per_second = 0.01;
  one.state.limits.cost_max = 1;
  one.state.cost = 0.96;
  CHECK(one.decide().boot == 3);
  one.state.cost = 0.975;  // three that run while one boots bring it over
  CHECK(one.decide().boot == 0);
  CHECK(one.decide().refusal == ScalingReason::cost);
}

TEST_CASE("policy: what has been idle for a while goes, the longest first, and not at once") {
  Case one(4);
  one.state.now_seconds = 100;
  one.runners[0].idle_since_seconds = 80;
  one.runners[1].busy = 1;
  one.runners[2].idle_since_seconds = 70;
  one.runners[3].idle_since_seconds = 95;
  CHECK(one.decide().drain == std::vector<std::uint32_t>{2, 0});
  CHECK(one.decide().reason == ScalingReason::idle);
  one.state.limits.minimum = 3;
  CHECK(one.decide().drain == std::vector<std::uint32_t>{2});
  one.state.queued = 1;
  CHECK(one.decide().drain.empty());
  one.state.queued = 0;
  one.state.booting = 1;
  CHECK(one.decide().drain.empty());
  one.state.booting = 0;
  one.state.limits.minimum = 0;
  one.state.arrivals_per_second = 0.1;
  one.state.arrivals_peak_per_second = 30;  // a moment ago: three at a time
  one.state.service_mean_seconds = 0.1;
  CHECK(one.decide().drain.empty());
}

TEST_CASE("policy: its sentences") {
  Case one(1, 1);
  one.state.queued = 40;
  one.state.service_mean_seconds = 0.1;
  one.state.oldest_wait_seconds = 3.2;
  one.state.boot_seconds = 1.1;
  CHECK(one.say() == "boots 26: 40 calls wait 3.2 s, a boot takes 1.1 s");
  one.state.limits.maximum = 3;
  CHECK(one.say() == "boots 2 of 26: 40 calls wait 3.2 s, a boot takes 1.1 s; max = 3 is reached");
  one.state.startable = 1;
  CHECK(one.say().starts_with("starts 1, boots 1 of "));
  one.state.startable = 0;
  one.state.price_per_second = 0.5 / 3600;
  one.state.limits.cost_per_hour_max = 0.5;
  CHECK(one.say() == "refuses: max_cost_per_hour = 0.50 is reached; 40 calls wait 3.2 s, a boot takes 1.1 s");
  one.state.queued = 1;
  one.state.oldest_wait_seconds = 0.2;
  CHECK(one.say() == "boots none: 1 call waits 200 ms, which is done before a boot, which takes 1.1 s");
  one.state.booting = 1;
  CHECK(one.say() == "boots none: 1 runner will be ready soon");
  one = Case(1);
  one.state.now_seconds = 60;
  CHECK(one.say() == "drains 1: nothing to do for 1 min");
  CHECK(scaling_reason_name(ScalingReason::cost_per_hour) == "cost_per_hour");
}

TEST_CASE(
    "policy: where all have a little to do, the one with the least finishes that and goes, one at a time") {
  Case one(4, 1);
  for (RunnerLoad& runner : one.runners) runner.slots = 2;
  one.state.slots_each = 2;
  one.runners[2].busy = 0;
  one.state.now_seconds = 100;
  one.state.changed_at_seconds = 80;
  one.runners[2].idle_since_seconds = 99;
  one.state.service_mean_seconds = one.state.service_p95_seconds = 0.1;
  CHECK(one.decide().drain.empty());  // nothing is known of what comes
  one.state.arrivals_per_second = 1;
  CHECK(one.decide().drain == std::vector<std::uint32_t>{2});
  one.state.changed_at_seconds = 95;
  CHECK(one.decide().drain.empty());  // so soon after another change
  one.state.changed_at_seconds = 80;
  for (RunnerLoad& runner : one.runners) runner.busy = 2;
  CHECK(one.decide().drain.empty());  // the others have no room for its calls
}

TEST_CASE(
    "policy: once the target is missed, a queue boots for what comes meanwhile and not for the last call") {
  Case one(1, 1);
  one.state.queued = 100;
  one.state.service_mean_seconds = 0.2;
  const auto hurry = one.decide().boot;
  one.state.limits.target_response_seconds = 0.7;  // less than a boot
  CHECK(one.decide().boot < hurry);
  CHECK(one.decide().boot >= 20);
}
