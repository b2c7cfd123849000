// The part of Keeper that asks the engine and takes its answers.
#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "client/pool/errors.hpp"
#include "client/pool/keeper.hpp"
#include "client/pool/left_behind.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using State = KeptRunner::State;
constexpr milliseconds kListLocal{1'000}, kListElsewhere{5'000}, kListPauseMax{60'000};
constexpr milliseconds kListPatience{15'000};
constexpr milliseconds kListLag{10'000};  // of an engine: what was just made may not be listed yet
constexpr milliseconds kLeftEvery{60'000};
constexpr milliseconds kBootPauseFirst{250}, kBootPauseMax{300'000};
constexpr std::uint64_t kLogLines = 20;

}  // namespace

void Keeper::ask_list(Clock::time_point now) {
  list_asked_ = now;
  list_due_ = now + std::max(pool_.spends() ? kListElsewhere : kListLocal, list_pause_);
  list_request_ = pool_.begin("list", "", Deadline::in(kListPatience), {});
  if (!acting_ || now < left_due_ || left_request_ != 0) return;
  left_due_ = now + kLeftEvery;
  left_request_ = pool_.begin("list", "", Deadline::in(kListPatience), {{"all", true}});
}

void Keeper::engine_failed(const Error& error, Clock::time_point now) {
  ++counters_.engine_errors;
  if (!looked() && (error.kind == ErrorKind::config || error.kind == ErrorKind::refused)) fatal_ = error;
  if (std::exchange(engine_trouble_, error.message) != error.message)
    log("error", "engine_error", {{"why", error.message}, {"hint", error.hint}});
  list_pause_ = std::min(std::max(list_pause_ * 2, milliseconds(1000)), kListPauseMax);
  list_due_ = now + list_pause_;
}

void Keeper::take_engine(Clock::time_point now) {
  for (const BootOutcome& outcome : pool_.take_boots()) take_boot(outcome, now);
  for (BackendAnswer& answer : pool_.take_answers()) {
    if (lease_.take(answer, now)) continue;
    if (answer.id == list_request_) {
      list_request_ = 0;
      if (answer.error)
        engine_failed(*answer.error, now);
      else
        take_list(answer.machines, now);
    } else if (answer.id == left_request_) {
      left_request_ = 0;
      if (!answer.error && acting_) take_left(answer.machines);
    } else if (const auto ended = autopsies_.find(answer.id); ended != autopsies_.end()) {
      const std::string name = ended->second;
      autopsies_.erase(ended);
      const bool told = answer.error && tells_death(*answer.error);
      const Error why = told
                            ? *answer.error
                            : Error(ErrorKind::boot_failed, "the runner " + name + " ended before its hello");
      pool_.no_hello_came(why);
      boot_failed(name, why, now);
    } else if (answer.error) {
      // A drain, or the end of what was left behind: the next list shows what became of it.
      log("warning", "engine_error", {{"why", answer.error->message}});
      for (Kept& one : runners_) one.draining_told = false;
    } else if (!answer.text.empty()) {
      log("info", "runner_log", {{"text", answer.text}});
    }
  }
}

void Keeper::take_boot(const BootOutcome& outcome, Clock::time_point now) {
  if (!outcome.note.empty()) log("info", "engine_note", {{"text", outcome.note}});
  const auto boot =
      std::find_if(boots_.begin(), boots_.end(), [&](const Boot& one) { return one.id == outcome.boot; });
  if (boot == boots_.end() || (!outcome.runner && !outcome.error)) return;
  const auto since = boot->since;
  boots_.erase(boot);
  if (outcome.error) {
    if (is_pool_full(*outcome.error)) {  // until one leaves
      boot_not_before_ = now + milliseconds(500);
      list_due_ = std::min(list_due_, boot_not_before_);
      return;
    }
    return boot_failed("", *outcome.error, now);
  }
  Kept* one = named(outcome.runner->name);
  const bool known = one != nullptr && one->state != State::leaving && one->state != State::resting;
  if (known && outcome.found) return;
  // A list may show it before its boot is answered.
  if (known && one->state == State::ready && one->ready_at > since) return boot_came(*one, since);
  if (one == nullptr) one = &runners_.emplace_back();
  one->machine.created_at_ms = 0;  // not when the one before it was made, which had this name
  one->machine.name = outcome.runner->name;
  one->machine.state = "started";
  one->machine.generation = outcome.runner->generation;
  one->machine.address = outcome.runner->address;
  one->link.reset();
  one->since = since;
  one->next_try = now;
  one->tries = 0;
  one->booted = !outcome.found;
  one->draining_told = false;
  set_state(*one, State::coming);
}

// The engine may know why a runner never said hello; nothing is booted before it has told.
void Keeper::ask_why(const std::string& name, Clock::time_point now) {
  autopsies_[pool_.begin("connect", name, Deadline::in(kListPatience), {})] = name;
  boot_not_before_ = std::max(boot_not_before_, now + kListPatience);
}

// A pause that grows, whatever failed: no loop that spends money. What fails in a pause began before it, and
// makes it no longer. The breaker of the pool, which all flames of this user share, adds its own.
void Keeper::boot_failed(const std::string& name, const Error& why, Clock::time_point now) {
  ++counters_.boots_failed;
  if (now >= failed_until_) boot_pause_ = std::min(std::max(boot_pause_ * 2, kBootPauseFirst), kBootPauseMax);
  failed_until_ = now + std::max(boot_pause_, milliseconds(why.retry_after_ms.value_or(0)));
  boot_not_before_ = failed_until_;
  boot_trouble_ = why.message;
  json::object fields = {
      {"why", why.message},
      {"next_in_ms", std::chrono::duration_cast<milliseconds>(failed_until_ - now).count()}};
  if (!name.empty()) fields["runner"] = name;
  if (!why.hint.empty()) fields["hint"] = why.hint;
  log("error", "boot_failed", std::move(fields));
  if (!name.empty()) pool_.begin("logs", name, Deadline::in(kListPatience), {{"lines", kLogLines}});
}

void Keeper::take_list(const std::vector<Machine>& machines, Clock::time_point now) {
  listed_at_ = now;
  list_pause_ = milliseconds(0);
  if (!std::exchange(engine_trouble_, "").empty()) log("info", "engine_answers", {});
  for (Kept& one : runners_) one.refreshed = false;
  for (const Machine& machine : machines) {
    Kept* one = named(machine.name);
    const bool other = one != nullptr && one->machine.created_at_ms != 0 &&
                       one->machine.created_at_ms != machine.created_at_ms;
    if (other) {
      gone(*one, "another has its name", now);
      one->machine = Machine();
      one->machine.name = machine.name;
      one->since = now;
    }
    if (one == nullptr) {
      one = &runners_.emplace_back();
      one->since = now;
      one->next_try = now;
    }
    one->refreshed = true;
    const bool was_current = !one->machine.generation.empty() && is_current(*one);
    one->machine = machine;
    if (was_current && !is_current(*one)) log("info", "outdated", {{"runner", machine.name}});
    const bool rests =
        machine.state == "stopped" || machine.state == "suspended" || machine.state == "failed";
    if (rests && one->state != State::ready) set_state(*one, State::resting);
    if (machine.state == "stopping") set_state(*one, State::leaving);
    if (machine.state == "started" && one->state == State::resting) set_state(*one, State::coming);
  }
  for (Kept& one : runners_) {
    if (one.refreshed || one.machine.name.empty()) continue;
    const bool young = one.since > list_asked_ || (pool_.spends() && now - one.since < kListLag);
    if (!young && one.state != State::ready) gone(one, "the engine has it no more", now);
  }
}

void Keeper::take_left(const std::vector<Machine>& machines) {
  const auto generations = pool_generations();
  for (const Machine& machine : machines) {
    const Kept* one = named(machine.name);
    if (one != nullptr && one->link && one->state == State::ready) continue;
    const std::string why = why_left_behind(pool_, machine, generations);
    if (why.empty()) continue;
    ++counters_.left_behind;
    log("warning", "left_behind",
        {{"runner", machine.name},
         {"of_pool", machine.pool},
         {"why", why},
         {"usd_per_hour", machine.price_per_second * 3600}});
    json::object more;
    if (!machine.pool.empty()) more["pool"] = machine.pool;
    pool_.begin("destroy", machine.name, Deadline::in(std::chrono::seconds(60)), more);
  }
}

}  // namespace flame::client
