#include "client/map/fleet.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "client/pool/errors.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kHandshakePatience{2'000}, kNextAfter{50};  // of one that is silent
constexpr milliseconds kPauseFirst{20}, kPauseMax{5'000};
constexpr milliseconds kKnownEvery{20};
constexpr milliseconds kAutopsyAfter{300}, kAutopsyPatience{5'000};
constexpr int kDeathsMax = 3;  // of runners in a row, before their hello

}  // namespace

Fleet::Fleet(Pool& pool, Deadline deadline) : pool_(pool), deadline_(deadline) {}

double Fleet::boot_seconds() const {
  if (boot_count_ > 0) return boot_seconds_sum_ / boot_count_;
  return usual_boot_seconds(pool_.settings());
}

void Fleet::begin(Approach& approach, const Runner& runner, Clock::time_point now) {
  approach.until = now + kHandshakePatience;
  approach.link = std::make_unique<Link>(runner.address);
}

// True once its hello has come. Throws as Link does, also for one that takes too long.
bool Fleet::proceed(Approach& approach, const Runner& runner, Clock::time_point now) {
  if (approach.link == nullptr) begin(approach, runner, now);
  while (!approach.link->proceed()) {
    pollfd wait = {approach.link->fd(), approach.link->opening_events(), 0};
    if (::poll(&wait, 1, 0) > 0) continue;
    if (now >= approach.until) throw Error(ErrorKind::unreachable, "it did not say hello in time");
    return false;
  }
  return true;
}

// nullptr: it takes no calls, or has a link already: one that we boot may be known before its boot is told.
std::unique_ptr<Link> Fleet::settle(Approach& approach, const Runner& runner) {
  if (is_draining(*approach.link)) {
    draining_.insert(runner.name);
    return nullptr;
  }
  if (!in_use_.emplace(runner.name, runner.address.tcp).second) return nullptr;
  pool_.remember(runner);
  return std::move(approach.link);
}

void Fleet::seek_known(Clock::time_point now, std::uint32_t wanted) {
  if (seeking() || now < known_at_) return;
  wanted_ = std::max(1U, wanted);
  const auto is = [](const Runner& runner) {
    return [&runner](const auto& one) { return one.runner.name == runner.name; };
  };
  for (const Runner& runner : pool_.known()) {
    const bool awaited = std::any_of(connecting_.begin(), connecting_.end(), is(runner));
    if (!awaited && !in_use_.contains(runner.name)) known_.push_back({runner, {}});
  }
  if (known_.empty()) known_at_ = now + kKnownEvery;
  approach_known(now, arrived_);  // one that is gone is found out at once
}

// True when it is settled.
bool Fleet::advance(Known& one, Clock::time_point now, std::vector<std::unique_ptr<Link>>& out) {
  try {
    if (!proceed(one.approach, one.runner, now)) return false;
    if (auto link = settle(one.approach, one.runner)) out.push_back(std::move(link));
  } catch (const Error& error) {
    if (error.kind == ErrorKind::refused || error.kind == ErrorKind::protocol) throw;
    pool_.forget(one.runner);
  }
  return true;
}

void Fleet::approach_known(Clock::time_point now, std::vector<std::unique_ptr<Link>>& out) {
  if (known_.empty()) return;
  std::size_t waiting = 0;
  const std::size_t before = out.size();
  for (auto at = known_.begin(); at != known_.end();) {
    if (at->approach.link == nullptr) {
      const std::size_t there = out.size() - before;
      if (there >= wanted_ || (there + waiting >= wanted_ && now < begun_at_ + kNextAfter)) break;
      begun_at_ = now;
    }
    const bool settled = advance(*at, now, out);
    waiting += settled ? 0 : 1;
    at = settled ? known_.erase(at) : at + 1;
  }
  wanted_ -= std::min(wanted_, out.size() - before);
  if (wanted_ == 0)
    std::erase_if(known_, [](const Known& one) { return one.approach.link == nullptr; });
  else if (known_.empty())
    known_at_ = now + kKnownEvery;
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
  if (one.approach.link == nullptr && now < one.next) return false;
  std::string why;
  try {
    if (!proceed(one.approach, one.runner, now)) return false;
    if (auto link = settle(one.approach, one.runner)) {
      boot_seconds_sum_ += std::chrono::duration<double>(now - one.since).count();
      ++boot_count_;
      deaths_ = 0;
      pause_ = kPauseFirst;
      out.push_back(std::move(link));
    }
    return true;
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unreachable && error.kind != ErrorKind::timed_out) throw;
    why = error.message;
    one.approach.link.reset();
  }
  ++one.tries;
  const bool power_of_two = (one.tries & (one.tries - 1)) == 0;
  const bool late = one.deadline.passed();
  if (late || (power_of_two && !is_started(one.runner.name))) {
    pool_.forget(one.runner);
    // It may have been one that was just about to end when the engine named it: worth another.
    if (!late && ++deaths_ < kDeathsMax) {
      not_before_ = now + kPauseFirst;
      return true;
    }
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
  std::vector<std::unique_ptr<Link>> out = std::exchange(arrived_, {});
  ask_autopsies(now);
  if (!boots_.empty() || !autopsies_.empty()) take_boots(now);
  take_autopsies();
  std::erase_if(connecting_, [&](Connecting& one) { return advance(one, now, out); });
  approach_known(now, out);
  return out;
}

void Fleet::take_boots(Clock::time_point now) {
  for (BootOutcome& outcome : pool_.take_boots()) {
    if (!outcome.note.empty()) notes_.push_back(std::move(outcome.note));
    const auto boot =
        std::find_if(boots_.begin(), boots_.end(), [&](const Boot& one) { return one.id == outcome.boot; });
    if (boot == boots_.end() || (!outcome.runner && !outcome.error)) continue;
    if (outcome.error) fail(std::move(*outcome.error), now);
    if (outcome.runner)
      connecting_.push_back({*outcome.runner,
                             boot->since,
                             now,
                             deadline_.earlier(Deadline::in(milliseconds(pool_.settings().boot_timeout_ms))),
                             0,
                             {}});
    boots_.erase(boot);
  }
}

void Fleet::ask_autopsies(Clock::time_point now) {
  for (Autopsy& one : autopsies_)
    if (one.request == 0 && now >= one.due)
      one.request = pool_.begin("connect", one.name, Deadline::in(kAutopsyPatience),
                                {{"was_ready", true}, {"had_address", one.address}});
}

void Fleet::take_autopsies() {
  for (const BackendAnswer& answer : pool_.take_answers()) {
    const auto one = std::find_if(autopsies_.begin(), autopsies_.end(),
                                  [&](const Autopsy& it) { return it.request == answer.id; });
    if (one == autopsies_.end()) continue;
    const bool known = answer.error && tells_death(*answer.error);
    if (known) notes_.push_back(answer.error->message);
    deaths_told_.push_back({one->name, known ? answer.error : std::nullopt});
    autopsies_.erase(one);
  }
}

Clock::time_point Fleet::wake_at() const {
  auto at = arrived_.empty() ? pool_.boot_deadline().at() : Clock::time_point();
  for (const Connecting& one : connecting_)
    at = std::min(at, one.approach.link != nullptr ? one.approach.until : one.next);
  for (const Known& one : known_)
    at = std::min(at, one.approach.link != nullptr ? one.approach.until : begun_at_ + kNextAfter);
  for (const Autopsy& one : autopsies_)
    if (one.request == 0) at = std::min(at, one.due);
  return at;
}

void Fleet::append_waits(std::vector<pollfd>& waits) const {
  waits.push_back({pool_.boot_fd(), POLLIN, 0});
  const auto wait = [&](const Approach& approach) {
    if (approach.link != nullptr) waits.push_back({approach.link->fd(), approach.link->opening_events(), 0});
  };
  for (const Connecting& one : connecting_) wait(one.approach);
  for (const Known& one : known_) wait(one.approach);
}

// Our link to it is no more; the runner may be as well as ever. The next who finds no hello there forgets it.
void Fleet::left(const std::string& name) {
  in_use_.erase(name);
  pool_.let_go(name);
}

bool Fleet::lost(const std::string& name) {
  const auto used = in_use_.find(name);
  if (!pool_.spends() || used == in_use_.end()) return false;
  autopsies_.push_back({name, used->second, Clock::now() + kAutopsyAfter});
  return true;
}

}  // namespace flame::client
