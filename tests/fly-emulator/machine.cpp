#include "machine.hpp"

#include <stdexcept>

#include "times.hpp"

namespace flame::fly {
namespace {
constexpr std::size_t kMostEvents = 200;
bool resting(State state) { return state == State::stopped || state == State::suspended; }
}  // namespace

void Machine::set_state(State next) {
  if (state_ == next) return;
  if (!allowed(state_, next))
    throw std::logic_error("machine " + id + " cannot go from " + std::string(state_name(state_)) + " to " +
                           std::string(state_name(next)));
  const std::int64_t now = unix_ms();
  if (state_ == State::started) runs.back().until_ms = now;
  if (next == State::started) runs.push_back({now, 0, guest_of(config())});
  if (resting(state_)) rested_ms += now - rest_since_ms;
  if (resting(next)) rest_since_ms = now;
  if (next == State::destroyed) destroyed_at_ms = now;
  state_ = next;
  updated_at_ms = now;
  tell();
}

void Machine::add_event(Event event) {
  if (events.size() == kMostEvents) events.erase(events.begin());
  events.push_back(std::move(event));
  updated_at_ms = unix_ms();
  tell();
}

void Machine::tell() {
  auto watchers = std::move(watchers_);
  watchers_.clear();
  for (auto& watcher : watchers)
    if (!watcher()) watchers_.push_back(std::move(watcher));
}

}  // namespace flame::fly
