#include "client/pool/keep_plan.hpp"

#include <algorithm>
#include <array>

namespace flame::client {
namespace {

using State = KeptRunner::State;

template <class Is>
std::uint64_t count(const KeepState& state, Is is) {
  return static_cast<std::uint64_t>(std::count_if(state.runners.begin(), state.runners.end(), is));
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// The idlest first; of equals by name, so that the same is chosen each time.
template <class Is>
std::vector<const KeptRunner*> idlest(const KeepState& state, Is is) {
  std::vector<const KeptRunner*> out;
  for (const KeptRunner& one : state.runners)
    if (is(one)) out.push_back(&one);
  std::sort(out.begin(), out.end(), [](const KeptRunner* a, const KeptRunner* b) {
    const auto load = [](const KeptRunner* one) { return one->busy + one->queued; };
    if (load(a) != load(b)) return load(a) < load(b);
    if (a->idle_ms != b->idle_ms) return a->idle_ms > b->idle_ms;
    return a->name < b->name;
  });
  return out;
}

// As many runners as the calls that run would fill.
std::uint64_t packed(const KeepState& state) {
  std::uint64_t slots = 0, busy = 0, ready = 0;
  for (const KeptRunner& one : state.runners) {
    if (one.state != State::ready) continue;
    ++ready;
    slots += std::max<std::uint64_t>(one.slots, 1);
    busy += one.busy;
  }
  const std::uint64_t each = ready == 0 ? 1 : slots / ready;
  return (busy + each - 1) / each;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

const char* state_name(State state) {
  constexpr std::array<const char*, 5> names = {"coming", "ready", "silent", "leaving", "resting"};
  return names[static_cast<std::size_t>(state)];
}

KeepPlan plan_keeping(const KeepState& state) {
  const auto old_serves = [](const KeptRunner& one) { return one.state == State::ready && !one.current; };
  const std::uint64_t ready =
      count(state, [](const KeptRunner& one) { return one.state == State::ready && one.current; });
  const std::uint64_t coming = state.booting + count(state, [](const KeptRunner& one) {
                                 return one.state == State::coming && one.current;
                               });
  const std::uint64_t working = count(state, [](const KeptRunner& one) { return one.works(); });
  const std::uint64_t old = count(state, old_serves);
  const std::uint64_t leaving =
      count(state, [](const KeptRunner& one) { return one.state == State::leaving; });

  KeepPlan plan;
  // Whoever works on the old generation needs a place on the new one.
  plan.wanted = state.spares > 0 ? packed(state) + state.spares : old > 0 ? working : 0;
  plan.wanted = std::min(std::max(plan.wanted, state.min), state.max);

  // Resting ones of this generation are started and need no name of their own.
  const std::uint64_t resting =
      count(state, [](const KeptRunner& one) { return one.state == State::resting && one.current; });
  const std::uint64_t names = state.max + (old + leaving > 0 ? state.surge : 0);
  const std::uint64_t free = less(names, state.runners.size() + state.booting) + resting;
  const std::uint64_t more = std::min(state.more, less(state.max, ready + coming));
  // Where a limit refuses what is wanted, min does not get round it.
  const std::uint64_t lacking = state.refused ? more : std::max(less(plan.wanted, ready + coming), more);
  plan.boot = std::min(lacking, free);

  std::uint64_t drain = less(old, less(plan.wanted, ready));
  // Every name is taken and nobody is about to leave one: without a surge the old makes room first.
  if (drain == 0 && lacking > 0 && plan.boot == 0 && coming + leaving == 0 && old > 0) drain = 1;
  for (const KeptRunner* one : idlest(state, old_serves))
    if (plan.drain.size() < drain) plan.drain.push_back(one->name);
  if (old == 0) plan.drain.insert(plan.drain.end(), state.idle.begin(), state.idle.end());

  const auto at_rest = idlest(
      state, [](const KeptRunner& one) { return one.state == State::ready && one.current && !one.works(); });
  const std::uint64_t works_here =
      count(state, [](const KeptRunner& one) { return one.works() && one.current; });
  // Those that had a call last stay: their caches are warm, and the others have waited longest to leave.
  for (auto one = at_rest.rbegin(); one != at_rest.rend(); ++one)
    if (plan.stay.size() < less(plan.wanted, works_here)) plan.stay.push_back((*one)->name);

  const std::string is = number(ready) + " ready, " + number(coming) + " coming";
  if (old > 0)
    plan.reason = "a new generation takes over: " + number(plan.wanted) + " wanted, " + is + ", " +
                  number(old) + " old";
  else if (!state.why.empty() && (state.more > 0 || state.refused || !state.idle.empty()))
    plan.reason = state.why;
  else
    plan.reason = "min = " + number(state.min) +
                  (state.spares > 0 ? ", spares = " + number(state.spares) : "") + ": " + is;
  return plan;
}

}  // namespace flame::client
