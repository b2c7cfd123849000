// The part of Pool that finds a runner for one call: one that has room, else what the policy says.
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {
namespace {

// Between two looks of one that waits for another's boot: at hints alone, and at runners that have no room.
constexpr milliseconds kHintsAgain{20}, kRunnersAgain{250};

// Not what a preflight finds, or a setting that is wrong: that would be so tomorrow, too.
bool is_engines_trouble(const Error& error) {
  return error.kind == ErrorKind::unreachable || error.kind == ErrorKind::timed_out ||
         error.kind == ErrorKind::boot_failed || error.kind == ErrorKind::capacity ||
         error.kind == ErrorKind::limit;
}

}  // namespace

double usual_boot_seconds(const PoolSettings& settings) { return settings.backend == "local" ? 0.05 : 3; }

// Packs: the first that has room is taken. True: this link ends the search.
bool Pool::look_at(const Runner& runner, Deadline deadline, Found& found) {
  auto link = try_runner(runner, deadline);
  if (!link) return false;
  const std::string& hello = link->hello();
  const auto number = [&](std::string_view key) { return static_cast<std::uint32_t>(number_in(hello, key)); };
  const std::uint32_t slots = std::max(1U, number("\"slots\":"));
  // Those that arrive with us count as if their calls were there: else all take the first.
  const std::uint32_t calls = number("\"busy\":") + number("\"queued\":") + number("\"arriving\":");
  const std::uint32_t busy = std::min(calls, slots), queued = calls - busy;
  found.has_room = settings_.max == 1 || calls < slots;
  const double mean_run = static_cast<double>(number_in(hello, "\"mean_run_us\":")) / 1e6;
  const double wait = (queued + 1.0) / slots * (mean_run > 0 ? mean_run : usual_boot_seconds(settings_));
  if (found.has_room || !found.link || wait < found.wait_seconds) {
    found.link = std::move(link);
    found.wait_seconds = wait;
    found.mean_run_seconds = mean_run;
  }
  if (found.has_room) return true;
  used_.insert(runner.name);  // a boot is not to give us this one
  found.loads.push_back({slots, busy, false, 0});
  found.queued += queued;
  return false;
}

Pool::Found Pool::find_ready(Deadline deadline, const std::set<std::string>& avoid) {
  Found out;
  const auto ends = [&](const Runner& runner) {
    return !avoid.contains(runner.name) && look_at(runner, deadline, out);
  };
  if (settings_.backend == "local") {
    for (std::uint64_t k = 0; k < names_in_use(); ++k)
      if (ends(local_runner(k))) return out;
  } else {
    for (const Runner& runner : hints_.read(generation_))
      if (ends(runner)) return out;
  }
  return out;
}

std::unique_ptr<Link> Pool::find_room(const std::string& other_than, Deadline deadline) {
  Found found = find_ready(deadline, {other_than});
  return found.has_room ? std::move(found.link) : nullptr;
}

// Whether one more is to be booted for a call that finds no room. Where the best runner does not know how
// long its calls run, it is presumed: as long as a boot.
bool Pool::pays(const Found& found, const Watch& watch) {
  PoolState state;
  state.runners = found.loads;
  state.slots_each = static_cast<std::uint32_t>(settings_.slots);
  state.queued = found.queued + 1;
  state.boot_seconds = state.start_seconds = state.running_seconds = usual_boot_seconds(settings_);
  state.service_mean_seconds = found.mean_run_seconds;
  state.limits = scaling_limits(settings_);
  ScalingDecision decision = decide_scaling(state);
  if (decision.boot > 0) decision.boot = decision.wanted = 1;  // the others boot for themselves
  if (watch.on_decision && told_ != scaling_sentence(state, decision))
    watch.on_decision(told_ = scaling_sentence(state, decision));
  return decision.start + decision.boot > 0;
}

std::unique_ptr<Link> Pool::find(Deadline deadline, const Watch& watch) {
  const Deadline patience = begin_patience(deadline);
  try {
    return find_within(patience, watch);
  } catch (Error& error) {
    // An engine gives up a moment before the deadline that it was told.
    if (error.kind == ErrorKind::timed_out && patience.at() < deadline.at()) {
      error.kind = ErrorKind::boot_failed;
      error.message =
          "no runner was ready within " + human_duration(settings_.boot_timeout_ms) + ": " + error.message;
      if (!reach_hint_.empty()) error.hint = reach_hint_;
      if (error.hint.empty())
        error.hint = "see 'flame pool status'; boot_timeout in flame.toml gives it longer";
    }
    error.with_fate(Fate::never_begun).at_phase("boot");
    throw;
  }
}

// nullptr: another flame boots, or what was booted leaves. Where there is a queue to stand in, an engine that
// cannot give another runner is no reason to fail.
std::unique_ptr<Link> Pool::boot_or_queue(Found& found, Deadline deadline, const Watch& watch) {
  try {
    if (auto link = boot_and_connect(deadline, watch)) return link;
    if (was_refused_) return std::move(found.link);
  } catch (const Error& error) {
    if (!found.link || !is_engines_trouble(error)) throw;
    if (watch.on_note) watch.on_note("no further runner for now: " + error.message);
    return std::move(found.link);
  }
  return nullptr;
}

std::unique_ptr<Link> Pool::find_within(Deadline patience, const Watch& watch) {
  std::set<std::string> avoid = watch.avoid;
  const Deadline queue_from = patience.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms / 2)));
  for (milliseconds pause{1};; pause *= 2) {
    leaving_.clear();  // their names may be others' by now
    if (watch.on_phase) watch.on_phase("connect");
    Found found = find_ready(patience, avoid);
    if (found.has_room) return std::move(found.link);
    const bool worth_it = pays(found, watch) && !queue_from.passed();
    if (found.link && !worth_it) return std::move(found.link);
    if (auto link = boot_or_queue(found, found.link ? queue_from : patience, watch)) return link;
    if (patience.passed()) throw Error(ErrorKind::timed_out, "the deadline passed before a runner was ready");
    pause = std::min(pause, found.loads.empty() ? kHintsAgain : kRunnersAgain);
    found.link.reset();
    ::usleep(static_cast<useconds_t>(pause.count()) * 1000);
    avoid.clear();
  }
}

}  // namespace flame::client
