// What `flame pool keep` decides, without an engine.
#include <doctest/doctest.h>

#include <algorithm>

#include "client/pool/keep_load.hpp"
#include "client/pool/keep_plan.hpp"

using namespace flame::client;
using State = KeptRunner::State;

namespace {

KeptRunner one(const char* name, State state = State::ready, bool current = true, std::uint64_t busy = 0,
               std::uint64_t idle_ms = 0) {
  KeptRunner out;
  out.name = name;
  out.state = state;
  out.current = current;
  out.busy = busy;
  out.idle_ms = idle_ms;
  return out;
}

KeepState pool(std::uint64_t min, std::uint64_t max, std::vector<KeptRunner> runners) {
  KeepState out;
  out.min = min;
  out.max = max;
  out.runners = std::move(runners);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("min is kept, and those that come are counted") {
  KeepState state = pool(2, 4, {});
  CHECK(plan_keeping(state).boot == 2);
  state.booting = 1;
  CHECK(plan_keeping(state).boot == 1);
  state.runners = {one("a", State::coming)};
  CHECK(plan_keeping(state).boot == 0);
  state = pool(2, 4, {one("a"), one("b"), one("c")});
  CHECK(plan_keeping(state).boot == 0);
  CHECK(plan_keeping(state).drain.empty());  // what is too much leaves by itself
  CHECK(plan_keeping(state).stay.size() == 2);
  state = pool(0, 4, {});
  CHECK(plan_keeping(state).boot == 0);
  state = pool(9, 4, {});
  CHECK(plan_keeping(state).boot == 4);
}

TEST_CASE("one that leaves is no runner, but has its name until it is gone") {
  KeepState state = pool(2, 2, {one("a"), one("b", State::leaving)});
  state.surge = 0;
  CHECK(plan_keeping(state).boot == 0);
  state.surge = 1;
  CHECK(plan_keeping(state).boot == 1);
  state = pool(2, 2, {one("a"), one("b", State::resting)});
  CHECK(plan_keeping(state).boot == 1);  // it is started
}

TEST_CASE("spares come on top of those that work, up to max") {
  KeepState state = pool(1, 4, {one("a", State::ready, true, 2)});
  state.runners[0].slots = 2;
  CHECK(plan_keeping(state).boot == 0);
  state.spares = 1;
  CHECK(plan_keeping(state).boot == 1);
  state.runners.push_back(one("b"));
  state.runners[1].slots = 2;
  CHECK(plan_keeping(state).boot == 0);
  CHECK(plan_keeping(state).stay == Names{"b"});
  state.spares = 9;
  CHECK(plan_keeping(state).wanted == 4);
  CHECK(plan_keeping(state).boot == 2);
}

TEST_CASE("the policy asks for more, up to max, and lets idle ones go; not while a generation takes over") {
  KeepState state = pool(1, 4, {one("a", State::ready, true, 1), one("b")});
  state.more = 9;
  state.why = "calls wait";
  CHECK(plan_keeping(state).boot == 2);
  CHECK(plan_keeping(state).reason == "calls wait");
  state.refused = true;
  state.min = 4;
  state.more = 1;
  CHECK(plan_keeping(state).boot == 1);
  state = pool(1, 4, {one("a", State::ready, true, 1), one("b")});
  state.idle = {"b"};
  CHECK(plan_keeping(state).drain == Names{"b"});
  state.runners.push_back(one("c", State::ready, false));
  CHECK(plan_keeping(state).drain == Names{"c"});
}

TEST_CASE("the one that had a call last stays") {
  const KeepState state =
      pool(1, 4, {one("a", State::ready, true, 0, 500), one("b", State::ready, true, 0, 9)});
  CHECK(plan_keeping(state).stay == Names{"b"});
}

TEST_CASE("a new generation: first the new, then the old drain, idle ones first") {
  KeepState state = pool(2, 2, {one("a", State::ready, false, 1), one("b", State::ready, false)});
  CHECK(plan_keeping(state).boot == 1);  // surge allows one more name
  CHECK(plan_keeping(state).drain.empty());
  state.runners.push_back(one("c", State::coming));
  CHECK(plan_keeping(state).boot == 0);
  CHECK(plan_keeping(state).drain.empty());
  state.runners.back() = one("c");
  CHECK(plan_keeping(state).drain == Names{"b"});
  state.runners[1].state = State::leaving;
  CHECK(plan_keeping(state).drain.empty());
  CHECK(plan_keeping(state).boot == 0);  // b has its name yet
  state.runners.erase(state.runners.begin() + 1);
  CHECK(plan_keeping(state).boot == 1);
  state.runners.push_back(one("d"));
  CHECK(plan_keeping(state).drain == Names{"a"});
}

TEST_CASE("without a surge the old makes room first, one at a time") {
  KeepState state = pool(2, 2, {one("a", State::ready, false, 1), one("b", State::ready, false)});
  state.surge = 0;
  CHECK(plan_keeping(state).boot == 0);
  CHECK(plan_keeping(state).drain == Names{"b"});
  state.runners[1].state = State::leaving;
  CHECK(plan_keeping(state).drain.empty());
}

TEST_CASE("old ones with work get successors also where min is 0; idle ones just leave") {
  KeepState state = pool(0, 4, {one("a", State::ready, false, 1), one("b", State::ready, false)});
  CHECK(plan_keeping(state).boot == 1);
  CHECK(plan_keeping(state).drain == Names{"b"});
  state.runners[0].busy = 0;
  CHECK(plan_keeping(state).boot == 0);
  CHECK(plan_keeping(state).drain.size() == 2);
}

TEST_CASE("never more than max + surge names, whatever is there") {
  for (std::uint64_t min = 0; min <= 3; ++min)
    for (std::uint64_t surge = 0; surge <= 2; ++surge)
      for (unsigned mix = 0; mix < 4 * 4 * 4 * 4; ++mix) {
        KeepState state = pool(min, 3, {});
        state.surge = surge;
        state.spares = mix % 3;
        for (unsigned k = 0, left = mix; k < 4; ++k, left /= 4)
          if (left % 4 != 0)
            state.runners.push_back(one(std::to_string(k).c_str(),
                                        left % 4 == 1 ? State::leaving : State::ready, left % 4 == 2, k % 2));
        const KeepPlan plan = plan_keeping(state);
        CHECK((plan.boot == 0 || state.runners.size() + plan.boot <= state.max + surge));
        CHECK(plan.wanted <= state.max);
      }
}

TEST_CASE("load: arrivals, their peak, and the mean run, from what runners say") {
  using namespace flame;
  KeepLoad load;
  const Clock::time_point start{std::chrono::seconds(10'000)};
  const auto at = [&](int seconds) { return start + std::chrono::seconds(seconds); };
  CHECK(load.service_seconds(start) == 0);
  CHECK(load.arrivals_per_second(start) == 0);
  load.saw("a", 1000, 4, 2, start);  // what was before says nothing
  CHECK(load.arrivals_per_second(at(1)) == 0);
  for (int s = 1; s < 20; ++s) load.saw("a", 1000 + 4 * static_cast<unsigned>(s), 4, 2, at(s));
  CHECK(load.arrivals_per_second(at(19)) == doctest::Approx(4.0).epsilon(0.1));
  CHECK(load.service_seconds(at(19)) == doctest::Approx(0.5));
  // It grew quiet; the peak is remembered for five minutes.
  CHECK(load.arrivals_per_second(at(60)) == 0);
  CHECK(load.arrivals_peak_per_second(at(60)) == doctest::Approx(4.0).epsilon(0.1));
  CHECK(load.arrivals_peak_per_second(at(400)) == 0);
  CHECK(load.service_seconds(at(400)) == 0);
  // Another of that name, whose count begins again.
  load.saw("a", 3, 0, 0, at(400));
  CHECK(load.arrivals_per_second(at(400)) == 0);
}
