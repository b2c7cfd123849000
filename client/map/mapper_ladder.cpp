// The part of Mapper for items that died of memory: each goes to the next greater guest, the others stay.
#include <algorithm>

#include "client/map/mapper.hpp"

namespace flame::client {

// True when it runs again on a greater guest.
bool Mapper::climbs(ItemIndex index, const Error& error) {
  if (!ladder_ || error.kind != ErrorKind::out_of_memory) return false;
  Item& item = window_[index];
  if (item.rung == rungs_.size()) {
    if (!ladder_->climb()) return false;
    if (task_.idempotent)
      rungs_.push_back(std::make_unique<Rung>(ladder_->settings(), settings_.deadline));
    else
      ladder_.reset();  // what is remembered is for the next time
    if (events_.on_notice)
      events_.on_notice(error.message +
                        (task_.idempotent ? "; such items run again on the guest "
                                          : "; the next time it begins on the guest ") +
                        (ladder_ ? ladder_->settings().guest : "that follows in oom_ladder"));
  }
  if (!task_.idempotent) return false;
  ++item.rung;
  item.state = Item::State::waiting;
  queue_again(index);
  return true;
}

// Until the engine says what their machine died of.
void Mapper::await_death(ItemIndex index, const std::string& runner, Error error) {
  window_[index].state = Item::State::waiting;
  in_question_.push_back({index, runner, std::move(error)});
}

void Mapper::settle_deaths(Fleet& fleet) {
  for (const Fleet::Death& death : fleet.take_deaths()) {
    const bool of_memory = death.why && death.why->kind == ErrorKind::out_of_memory;
    const auto theirs = std::stable_partition(in_question_.begin(), in_question_.end(),
                                              [&](const auto& one) { return one.runner != death.runner; });
    const std::vector<InQuestion> settled(theirs, in_question_.end());
    in_question_.erase(theirs, in_question_.end());
    for (const InQuestion& one : settled)
      failed(one.item, of_memory ? Error(*death.why).with_fate(Fate::unknown) : one.error);
  }
}

// Without their answers: nothing goes anywhere any more.
void Mapper::settle_all() {
  for (InQuestion& one : std::exchange(in_question_, {})) failed(one.item, std::move(one.error));
}

void Mapper::queue_again(ItemIndex index) {
  const std::uint8_t rung = window_[index].rung;
  (rung == 0 ? again_ : rungs_[rung - 1U]->waiting).push_back(index);
}

void Mapper::feed_rungs() {
  for (std::size_t i = 0; i < rungs_.size(); ++i) {
    auto& waiting = rungs_[i]->waiting;
    while (!waiting.empty()) {
      MapRunner* runner = best_runner(static_cast<std::uint8_t>(i + 1));
      if (runner == nullptr) break;
      const ItemIndex index = waiting.front();
      waiting.pop_front();
      send(index, *runner);
    }
  }
}

void Mapper::grow_rungs() {
  for (std::size_t i = 0; i < rungs_.size(); ++i) grow(*rungs_[i], static_cast<std::uint8_t>(i + 1));
}

void Mapper::grow(Rung& rung, std::uint8_t number) {
  for (auto& link : rung.fleet.arrivals(now_)) add_runner(std::move(link), number);
  settle_deaths(rung.fleet);
  if (rung.waiting.empty()) return;
  std::vector<RunnerLoad> loads;
  each_runner([&](const MapRunner& runner) {
    if (runner.rung == number)
      loads.push_back({runner.slots, std::min(runner.in_flight, runner.slots), runner.draining, 0});
  });
  PoolState state;
  state.runners = loads;
  state.booting = rung.fleet.booting();
  state.queued = static_cast<double>(rung.waiting.size());
  state.running_seconds = state.boot_seconds = state.start_seconds = rung.fleet.boot_seconds();
  state.limits = scaling_limits(rung.pool.settings());
  state.limits.minimum = 0;
  rung.fleet.seek_known(now_);
  if (rung.fleet.seeking()) return;
  for (std::uint32_t left = decide_scaling(state).boot; left > 0 && rung.fleet.may_boot(now_); --left)
    rung.fleet.boot(now_);
  // Nobody is there and nobody can be had: the items fail with that.
  const auto failure = rung.fleet.take_failure();
  if (!failure || !loads.empty() || rung.fleet.booting() > 0) return;
  for (const ItemIndex index : std::exchange(rung.waiting, {})) failed(index, *failure);
}

}  // namespace flame::client
