// The part of Pool that waits for hellos: of what was booted, until as many as wanted are ready.
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "client/pool/errors.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {
namespace {

constexpr std::uint64_t kLogLines = 20;
constexpr milliseconds kHelloPatience{5000};      // for one try; a boot has many
constexpr std::uint64_t kTriesBeforeAsking = 16;  // the engine, what became of it: 0.1 s
constexpr milliseconds kGiveUpPatience{5000};
constexpr useconds_t kAgainMs = 50;
constexpr int kDeathsMax = 3;  // of runners in a row that we booted and that never said hello

}  // namespace

std::unique_ptr<Link> Pool::boot_and_connect(Deadline deadline, const Watch& watch) {
  if (watch.before_boot) watch.before_boot();
  if (watch.on_phase) watch.on_phase("boot");
  used_.insert(watch.avoid.begin(), watch.avoid.end());
  const BootLockHeld held(*this);
  was_refused_ = false;
  if (begin_boot(deadline) == 0) return nullptr;
  for (;;) {
    for (BootOutcome& outcome : take_boots()) {
      if (!outcome.note.empty() && watch.on_note) watch.on_note(outcome.note);
      was_refused_ = outcome.error && (is_pool_full(*outcome.error) || is_too_dear(*outcome.error));
      if (was_refused_ && watch.on_decision) watch.on_decision("refuses: " + outcome.error->message);
      if (was_refused_) return nullptr;
      if (outcome.error) throw for_people(*outcome.error);
      if (outcome.runner) return wait_for_hello(outcome, deadline, watch);
    }
    pollfd wait = {boot_fd(), POLLIN, 0};
    ::poll(&wait, 1, deadline.earlier(boot_deadline()).poll_timeout_ms());
  }
}

// The engine said that it is there: until its hello comes, or the engine says that it is gone.
std::unique_ptr<Link> Pool::wait_for_hello(const BootOutcome& boot, Deadline deadline, const Watch& watch) {
  const Runner& runner = *boot.runner;
  if (watch.on_phase) watch.on_phase("connect");
  std::optional<Error> why;
  for (std::uint64_t tries = 1; !deadline.passed(); ++tries) {
    try {
      auto link = attempt(runner, kHelloPatience, deadline);
      remember(runner);
      breaker_.mended();
      deaths_ = 0;
      if (!is_draining(*link)) return link;
      forget(runner);
      leaving_.insert(runner.name);
      return nullptr;
    } catch (const Error& error) {
      if (error.kind == ErrorKind::protocol && boot.made && spends()) throw of_no_use(boot, error);
      if (error.kind != ErrorKind::unreachable) throw;
      why = error;
    }
    const bool power_of_two = (tries & (tries - 1)) == 0;
    if (const auto gone =
            tries >= kTriesBeforeAsking && power_of_two ? why_gone(runner.name, deadline) : std::nullopt) {
      forget(runner);
      // One that left by itself while it was found is no failure, unless it happens again and again.
      const bool died = tells_death(*gone);
      if (!died && ++deaths_ < kDeathsMax) return nullptr;
      const Error error = died ? *gone : no_hello(boot, *why);
      if (spends() && boot.made) breaker_.failed(error);
      throw Error(error).at_phase("boot");
    }
    ::usleep(static_cast<useconds_t>(std::min<std::uint64_t>(tries, 100)) * 1000);
  }
  forget(runner);
  give_up(boot);
  return nullptr;
}

std::optional<Error> Pool::why_gone(const std::string& name, Deadline deadline) {
  try {
    reach_hint_ = ask_and_wait("connect", name, deadline, {}).text;
  } catch (const Error& error) {
    if (error.kind == ErrorKind::timed_out) return std::nullopt;
    return error;
  }
  return std::nullopt;
}

Error Pool::no_hello(const BootOutcome& boot, const Error& why) {
  return Error(ErrorKind::boot_failed,
               "the runner " + boot.runner->name + " ended before its hello: " + why.message,
               log_hint(boot.runner->name));
}

// The image holds another flame's runner: the machine that was made of it would only cost.
Error Pool::of_no_use(const BootOutcome& boot, const Error& why) {
  const Error error(
      ErrorKind::boot_failed,
      "the runner " + boot.runner->name + " is of no use to this flame: " + why.message,
      "its image holds the flame-runner of another flame: build it with this one's (" FLAME_VERSION ")");
  breaker_.failed(error);
  try {
    change_all("destroy", {boot.runner->name}, Deadline::in(kGiveUpPatience));
  } catch (const Error&) {  // why it is of no use is the error to tell
  }
  return Error(error).at_phase("boot");
}

// A machine that runs and never says hello would be paid for as long as it likes.
void Pool::give_up(const BootOutcome& boot) {
  if (!boot.made || !spends()) return;
  // A caller who had no more time says nothing of what is booted.
  if (patience_.passed())
    breaker_.failed(
        Error(ErrorKind::boot_failed, "the runner " + boot.runner->name + " did not say hello in time"));
  try {
    change_all("stop", {boot.runner->name}, Deadline::in(kGiveUpPatience));
  } catch (const Error&) {  // that there is no runner is the error to tell
  }
}

std::uint64_t Pool::count_ready(Deadline deadline) {
  std::uint64_t count = 0;
  for (const Runner& runner : known()) {
    if (!try_runner(runner, deadline)) continue;
    remember(runner);
    ++count;
  }
  return count;
}

// False: it is to be tried again after a moment, for another flame boots in this pool, or those of an old
// generation have yet to leave. on_one: with the name of each that is ready.
bool Pool::boot_some(std::uint64_t count, Deadline deadline, const Watch& watch,
                     const std::function<void(const std::string&)>& on_one) {
  const BootLockHeld held(*this);
  std::uint64_t left = 0;
  while (left < count && begin_boot(deadline) != 0) ++left;
  const bool ours = left > 0;
  bool full = false;
  while (left > 0) {
    for (BootOutcome& outcome : take_boots()) {
      if (!outcome.note.empty() && watch.on_note) watch.on_note(outcome.note);
      if (outcome.error && is_pool_full(*outcome.error) && !plan_) {
        --left;
        full = true;
        continue;
      }
      if (outcome.error) throw for_people(*outcome.error);
      if (!outcome.runner) continue;
      --left;
      if (plan_ || wait_for_hello(outcome, deadline, watch)) on_one(outcome.runner->name);
    }
    pollfd wait = {left > 0 ? boot_fd() : -1, POLLIN, 0};
    if (left > 0) ::poll(&wait, 1, deadline.earlier(boot_deadline()).poll_timeout_ms());
  }
  if (plan_) settle_asides(deadline);
  return ours && !full;
}

void Pool::warm(std::uint64_t size, Deadline deadline, const Watch& watch) {
  if (size > settings_.max) throw pool_is_full(settings_);
  breaker_.ignore_pause();
  const Deadline patience = begin_patience(deadline);
  for (std::uint64_t ready; (ready = count_ready(patience)) < size;) {
    if (patience.passed())
      throw Error(
          deadline.passed() ? ErrorKind::timed_out : ErrorKind::boot_failed,
          "only " + std::to_string(ready) + " of " + std::to_string(size) + " runners became ready in time",
          "see 'flame pool status'")
          .at_phase("boot");
    const auto tell = [&] {
      if (watch.on_ready) watch.on_ready(ready, size);
    };
    tell();
    const bool ours = boot_some(size - ready, patience, watch, [&](const std::string&) {
      ++ready;
      tell();
    });
    if (plan_) return;
    if (!ours) ::usleep(kAgainMs * 1000);
  }
}

std::vector<std::string> Pool::boot_more(std::uint64_t count, const std::vector<std::string>& than,
                                         Deadline deadline, const Watch& watch) {
  if (than.size() + count > settings_.max) throw pool_is_full(settings_);
  breaker_.ignore_pause();
  const Deadline patience = begin_patience(deadline);
  used_.insert(than.begin(), than.end());
  std::vector<std::string> out;
  while (out.size() < count) {
    const bool ours =
        boot_some(count - out.size(), patience, watch, [&](const std::string& name) { out.push_back(name); });
    if (patience.passed())
      throw Error(ErrorKind::timed_out, "only " + std::to_string(out.size()) + " of " +
                                            std::to_string(count) + " runners became ready in time")
          .at_phase("boot");
    if (!ours) ::usleep(kAgainMs * 1000);
  }
  return out;
}

// The end of what the runner said, for the person who has to find out why.
std::string Pool::log_hint(const std::string& name) {
  try {
    std::string text = logs(name, kLogLines, Deadline::in(std::chrono::seconds(5)));
    while (text.ends_with("\n")) text.pop_back();
    if (!text.empty()) return "its log ends with:\n" + text;
  } catch (const Error&) {  // the boot's error is the one to tell
  }
  return "";
}

}  // namespace flame::client
