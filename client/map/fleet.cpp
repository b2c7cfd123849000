#include "client/map/fleet.hpp"

#include <algorithm>

namespace flame::client {
namespace {

// A handshake that waits holds up the other links for so long, hence little at a time.
constexpr milliseconds kConnectPatience{250};
constexpr milliseconds kPauseFirst{20}, kPauseMax{5'000};
constexpr milliseconds kKnownEvery{20};

}  // namespace

Fleet::Fleet(Pool& pool, Deadline deadline) : pool_(pool), deadline_(deadline) {}

double Fleet::boot_seconds() const {
  if (boot_count_ > 0) return boot_seconds_sum_ / boot_count_;
  return pool_.settings().backend == "local" ? 0.05 : 3;
}

std::unique_ptr<Link> Fleet::try_one(const Runner& runner, milliseconds patience) {
  auto link = pool_.connect(runner, deadline_.earlier(Deadline::in(patience)));
  if (is_draining(*link)) {
    draining_.insert(runner.name);
    return nullptr;
  }
  pool_.remember(runner);
  in_use_.insert(runner.name);
  return link;
}

std::unique_ptr<Link> Fleet::next_known() {
  const auto now = Clock::now();
  if (now < known_at_) return nullptr;
  for (const Runner& runner : pool_.known()) {
    const bool awaited = std::any_of(connecting_.begin(), connecting_.end(),
                                     [&](const Connecting& one) { return one.runner.name == runner.name; });
    if (awaited || in_use_.contains(runner.name)) continue;
    try {
      if (auto link = try_one(runner, kConnectPatience)) return link;
    } catch (const Error& error) {
      if (error.kind == ErrorKind::refused || error.kind == ErrorKind::protocol) throw;
      pool_.forget(runner);
    }
  }
  known_at_ = now + kKnownEvery;
  return nullptr;
}

void Fleet::boot(Clock::time_point now) {
  const Deadline deadline = deadline_.earlier(Deadline::in(milliseconds(pool_.settings().boot_timeout_ms)));
  const std::uint64_t id = pool_.begin_boot(deadline);
  if (id != 0)
    boots_.push_back({id, now});
  else
    not_before_ = now + kPauseFirst;  // another flame boots in this pool: its runner will be known
}

void Fleet::fail(Error error, Clock::time_point now) {
  failure_ = std::move(error);
  not_before_ = now + pause_;
  pause_ = std::min(pause_ * 2, kPauseMax);
}

bool Fleet::is_started(const std::string& name) {
  const auto machines = pool_.list(deadline_.earlier(Deadline::in(std::chrono::seconds(10))));
  return std::any_of(machines.begin(), machines.end(), [&](const Machine& machine) {
    return machine.name == name && machine.state == "started";
  });
}

// True when it is settled.
bool Fleet::advance(Connecting& one, Clock::time_point now, std::vector<std::unique_ptr<Link>>& out) {
  if (now < one.next) return false;
  std::string why;
  try {
    if (auto link = try_one(one.runner, kConnectPatience)) {
      boot_seconds_sum_ += std::chrono::duration<double>(now - one.since).count();
      ++boot_count_;
      pause_ = kPauseFirst;
      out.push_back(std::move(link));
    }
    return true;
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unreachable && error.kind != ErrorKind::timed_out) throw;
    why = error.message;
  }
  ++one.tries;
  const bool power_of_two = (one.tries & (one.tries - 1)) == 0;
  const bool gone = one.deadline.passed() || (power_of_two && !is_started(one.runner.name));
  if (gone) {
    pool_.forget(one.runner);
    fail(Error(ErrorKind::boot_failed, "the runner " + one.runner.name + " did not say hello: " + why,
               "see 'flame pool logs'")
             .at_phase("boot"),
         now);
    return true;
  }
  one.next = Clock::now() + milliseconds(std::min<std::uint64_t>(one.tries, 100));
  return false;
}

std::vector<std::unique_ptr<Link>> Fleet::arrivals(Clock::time_point now) {
  std::vector<std::unique_ptr<Link>> out;
  if (!boots_.empty()) {
    for (BootOutcome& outcome : pool_.take_boots()) {
      if (!outcome.note.empty()) notes_.push_back(std::move(outcome.note));
      const auto boot =
          std::find_if(boots_.begin(), boots_.end(), [&](const Boot& one) { return one.id == outcome.boot; });
      if (boot == boots_.end() || (!outcome.runner && !outcome.error)) continue;
      if (outcome.error) fail(std::move(*outcome.error), now);
      if (outcome.runner)
        connecting_.push_back(
            {*outcome.runner, boot->since, now,
             deadline_.earlier(Deadline::in(milliseconds(pool_.settings().boot_timeout_ms)))});
      boots_.erase(boot);
    }
  }
  std::erase_if(connecting_, [&](Connecting& one) { return advance(one, now, out); });
  return out;
}

Clock::time_point Fleet::wake_at() const {
  auto at = pool_.boot_deadline().at();
  for (const Connecting& one : connecting_) at = std::min(at, one.next);
  return at;
}

void Fleet::left(const std::string& name) {
  in_use_.erase(name);
  pool_.forget(Runner{name, {}, {}});
}

}  // namespace flame::client
