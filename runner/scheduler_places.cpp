// Who gets a place: which worker takes a call, which gives way, and what waits first.
#include <algorithm>
#include <utility>

#include "runner/scheduler.hpp"

namespace flame::runner {

void Scheduler::pump(Group& group) {
  while (skip_over(group)) {
    const CallPtr call = group.queue.front();
    Slot* slot = place_for(group, *call);
    if (slot == nullptr && slots_.size() < options_.slots) {
      slot = start(call);
      if (slot == nullptr) continue;  // it has ended
    }
    if (slot == nullptr) return want_place(group);
    give_next(*slot);
  }
}

void Scheduler::give_next(Slot& slot) {
  std::deque<CallPtr>& queue = slot.group()->queue;
  const CallPtr call = std::move(queue.front());
  queue.pop_front();
  --queued_;
  slot.give(call);
  arm_tick_for(slot);
}

// An idle worker of the plugin; or, when there is no room for another, the one with the least to do, if
// that is little or no place can be made.
Slot* Scheduler::place_for(Group& group, const Call& call) {
  Slot* best = nullptr;
  bool idle_other = false;
  for (Slot& slot : slots_) {
    if (slot.empty() && slot.group() != &group) idle_other = true;
    if (slot.group() != &group || !slot.takes(call)) continue;
    if (slot.empty()) return &slot;
    if (best == nullptr || slot.expected_us() < best->expected_us()) best = &slot;
  }
  if (slots_.size() < options_.slots) return nullptr;
  if (idle_other && best != nullptr && best->expected_us() > kAheadTarget_us) return nullptr;
  return best;
}

Slot* Scheduler::start(const CallPtr& call) {
  Slot& slot = slots_.emplace_back(static_cast<Slot::Owner&>(*this), call->bind->group, limits_);
  try {
    slot.run(start_(*call->bind, slot));
    ++counts_.started;
    return &slot;
  } catch (Error& error) {
    slots_.pop_back();
    fail(call, error);
    return nullptr;
  }
}

// All slots are taken. An idle worker of another plugin gives way. Else a busy one is fed no more, if its
// plugin has more than this one, so that nobody starves.
void Scheduler::want_place(Group& group) {
  std::map<const Group*, std::size_t> counts;
  for (const Slot& slot : slots_) {
    if (slot.leaving() || slot.wanted_for == &group) return;  // a place is on its way
    ++counts[slot.group()];
  }
  const std::size_t own = counts[&group];
  Slot* victim = nullptr;
  for (Slot& slot : slots_) {
    if (slot.wanted_for != nullptr || (slot.group() == &group && !slot.empty())) continue;
    if (slot.empty()) return leave(slot, &group);  // of another plugin, or a fresh one that is used
    if (counts[slot.group()] <= own + (own > 0 ? 1 : 0)) continue;
    if (victim == nullptr || slot.expected_us() < victim->expected_us()) victim = &slot;
  }
  if (victim != nullptr) victim->wanted_for = &group;
}

void Scheduler::leave(Slot& slot, Group* for_whom) {
  slot.wanted_for = for_whom;
  slot.leave();
  deadlines_.watch(slot.next_deadline());
}

// The group that waits, one without any worker first.
Group* Scheduler::waiting() const {
  Group* found = nullptr;
  for (const auto& [key, weak] : groups_) {
    const auto group = weak.lock();
    if (!group || group->queue.empty()) continue;
    found = group.get();
    if (std::none_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.group() == group.get(); }))
      return found;
  }
  return found;
}

void Scheduler::fill(Slot& slot) {
  Group& group = *slot.group();
  while (skip_over(group) && slot.takes(*group.queue.front())) give_next(slot);
}

void Scheduler::steal_for(Slot& slot) {
  Slot* from = nullptr;
  for (Slot& other : slots_)
    if (other.group() == slot.group() && other.calls() > 1 &&
        (from == nullptr || other.calls() > from->calls()))
      from = &other;
  if (from == nullptr) return;
  give_back(from->take_back(from->calls() / 2));
  fill(slot);
}

void Scheduler::pump_all() {
  if (queued_ == 0) return;
  if (Group* first = waiting(); first != nullptr) pump(*first);
  std::vector<std::shared_ptr<Group>> all;
  for (const auto& [key, weak] : groups_)
    if (auto group = weak.lock(); group && !group->queue.empty()) all.push_back(std::move(group));
  for (const auto& group : all) pump(*group);
}

}  // namespace flame::runner
