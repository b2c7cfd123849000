// The part of Pool that asks the engine: one flame per user and pool boots at a time, the others wait.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <climits>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kLogLines = 20;
constexpr milliseconds kHelloPatience{5000};      // for one try; a boot has many
constexpr std::uint64_t kTriesBeforeAsking = 16;  // the engine, what became of it: 0.1 s
constexpr milliseconds kGiveUpPatience{5000};
constexpr int kDeathsMax = 3;  // of runners in a row that we booted and that never said hello

Error pool_is_full(const PoolSettings& settings) {
  Error error(ErrorKind::capacity,
              "the pool '" + settings.name + "' has its most: max = " + std::to_string(settings.max),
              "max in flame.toml allows more");
  return error.at_phase("boot");
}

// The code of the backend protocol stands in type, where people would read it as the function's own.
Error for_people(Error error) {
  error.type.clear();
  return error;
}

}  // namespace

Backend& Pool::backend() {
  if (!backend_) backend_ = std::make_unique<Backend>(find_backend(settings_.backend));
  return *backend_;
}

std::uint64_t Pool::ask(std::string_view verb, const std::string& name, Deadline deadline,
                        std::uint64_t lines) {
  json::object settings = {{"build", build_},
                           {"runner_path", runner_path_},
                           {"slots", settings_.slots},
                           {"sandbox", settings_.sandbox},
                           {"idle_timeout_ms", settings_.idle_timeout_ms},
                           {"max_lifetime_ms", settings_.max_lifetime_ms},
                           {"plugin_dirs", json::value_from(settings_.plugin_dirs)}};
  if (!settings_.engine_settings.empty()) {
    const json::value engine = json::parse(settings_.engine_settings);
    for (const auto& [key, value] : engine.as_object()) settings.emplace(key, value);
  }
  json::object fields = {
      {"pool", settings_.name}, {"runtime_dir", runtime_dir_}, {"settings", std::move(settings)}};
  // A working directory that is gone is no name for an app: the engine says what it lacks.
  if (std::array<char, PATH_MAX> cwd; ::getcwd(cwd.data(), cwd.size()) != nullptr)
    fields["settings"].as_object()["directory"] = cwd.data();
  if (!name.empty()) fields["name"] = name;
  // The list before a boot says what the boot will, so that what is wrong is refused before anything is
  // asked.
  const bool before_boot = verb == "list" && boot_lock_;
  if (verb == "boot" || verb == "start" || before_boot) fields["generation"] = generation_;
  if (verb == "boot" || before_boot) fields["guest"] = settings_.guest;
  if (lines > 0) fields["lines"] = lines;
  return backend().ask(verb, fields, deadline);
}

BackendAnswer Pool::ask_and_wait(std::string_view verb, const std::string& name, Deadline deadline,
                                 std::uint64_t lines) {
  // A backend that says nothing must not hold us for ever, where nobody gave a deadline.
  const Deadline patience = deadline.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  BackendAnswer answer = backend().wait(ask(verb, name, patience, lines));
  if (answer.error) throw for_people(*answer.error).at_phase("boot");
  return answer;
}

std::vector<Machine> Pool::list(Deadline deadline) { return ask_and_wait("list", "", deadline).machines; }
void Pool::stop(const std::string& name, Deadline deadline) { ask_and_wait("stop", name, deadline); }
void Pool::destroy(const std::string& name, Deadline deadline) { ask_and_wait("destroy", name, deadline); }
std::string Pool::logs(const std::string& name, std::uint64_t lines, Deadline deadline) {
  return ask_and_wait("logs", name, deadline, lines).text;
}

bool Pool::take_boot_lock() {
  if (boot_lock_) return true;
  const std::string path = runtime_dir_ + "/boot-" + settings_.backend + "." + settings_.name + ".lock";
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    boot_lock_ = std::move(fd);
    return true;
  }
  if (errno != EWOULDBLOCK) throw system_error("cannot lock '" + path + "'", errno);
  return false;
}

std::uint64_t Pool::begin_boot(Deadline deadline) {
  if (!take_boot_lock()) {
    breaker_.waiting();
    return 0;
  }
  Boot boot;
  boot.deadline = deadline;
  boot.id = ++last_boot_;
  if (auto open = breaker_.open()) {
    outcomes_.push_back({boot.id, std::nullopt, std::move(open), ""});
    return boot.id;
  }
  // One list serves all boots that begin together.
  const auto listing =
      std::find_if(boots_.begin(), boots_.end(), [](const Boot& one) { return one.name.empty(); });
  boot.request = listing != boots_.end() ? listing->request : ask("list", "", deadline);
  boots_.push_back(std::move(boot));
  return last_boot_;
}

int Pool::boot_fd() const { return backend_ ? backend_->fd() : -1; }
Deadline Pool::boot_deadline() const {
  if (!outcomes_.empty()) return Deadline::in(milliseconds(0));
  return backend_ ? backend_->next_deadline() : Deadline();
}

std::vector<BootOutcome> Pool::take_boots() {
  while (auto answer = backend_ ? backend_->take() : std::nullopt) {
    if (answer->kind == BackendAnswer::Kind::note) {
      const auto boot = std::find_if(boots_.begin(), boots_.end(),
                                     [&](const Boot& one) { return one.request == answer->id; });
      outcomes_.push_back({boot != boots_.end() ? boot->id : 0, std::nullopt, std::nullopt, answer->text});
      continue;
    }
    // Several wait for one list; for an old generation that was asked to stop, none does.
    std::vector<Boot*> waiting;
    for (Boot& boot : boots_)
      if (boot.request == answer->id) waiting.push_back(&boot);
    if (!answer->error && !waiting.empty() && waiting.front()->name.empty()) machines_ = answer->machines;
    for (Boot* boot : waiting) advance(*boot, *answer);
  }
  std::erase_if(boots_, [](const Boot& boot) { return boot.request == 0; });
  if (boots_.empty() && !awaiting_hello_) boot_lock_.reset();
  return std::exchange(outcomes_, {});
}

// list → an answer that settles it, or start, or boot → perhaps connect → settled.
void Pool::advance(Boot& boot, const BackendAnswer& answer) {
  boot.request = 0;
  if (answer.error) {
    if (answer.error->kind == ErrorKind::boot_failed && boot.made && spends()) breaker_.failed(*answer.error);
    if (answer.error->type != "name_taken")
      return outcomes_.push_back({boot.id, std::nullopt, Error(*answer.error).at_phase("boot"), ""});
    boot.made = false;
    boot.taken.insert(boot.name);
    return choose(boot);
  }
  if (boot.name.empty()) return choose(boot);
  if (answer.address.known()) {
    boot.machine.address = answer.address;
  } else if (answer.machines.size() == 1) {
    boot.machine = answer.machines.front();
  }
  give(boot);
}

void Pool::give(Boot& boot) {
  if (!boot.machine.address.known()) {
    boot.name = boot.machine.name;
    boot.request = ask("connect", boot.name, boot.deadline);
    return;
  }
  used_.insert(boot.machine.name);
  outcomes_.push_back({boot.id, Runner{boot.machine.name, boot.machine.address, boot.machine.generation},
                       std::nullopt, "", boot.made});
}

void Pool::choose(Boot& boot) {
  const auto being_made = [&](const std::string& name) {
    return boot.taken.contains(name) ||
           std::any_of(boots_.begin(), boots_.end(), [&](const Boot& one) { return one.name == name; });
  };
  // Only of machines that the engine has now: a name that is free again may be booted, whatever became of the
  // one that had it.
  const auto in_hand = [&](const std::string& name) {
    return used_.contains(name) || leaving_.contains(name) || being_made(name);
  };
  bool handing_over = !boot.taken.empty();
  for (const Machine& machine : machines_) {
    const bool ours = machine.generation == generation_;
    handing_over = handing_over || !ours || machine.state == "stopping" || leaving_.contains(machine.name);
    if (!ours || in_hand(machine.name) || machine.state == "stopping") continue;
    boot.name = machine.name;
    boot.machine = machine;
    if (machine.state == "started") return give(boot);  // somebody else's, or one whose hint was lost
    boot.request = ask("start", machine.name, boot.deadline);
    return;
  }
  const std::uint64_t limit = settings_.max + (handing_over ? settings_.surge : 0);
  // Several computers begin at different names, so that they do not spend the engine's limit on clashes.
  const std::uint64_t first =
      settings_.backend == "local" || limit == 0 ? 0 : static_cast<unsigned char>(random_bytes(1)[0]) % limit;
  for (std::uint64_t i = 0; i < limit; ++i) {
    const std::string name = runner_name((first + i) % limit);
    const bool there = std::any_of(machines_.begin(), machines_.end(),
                                   [&](const Machine& machine) { return machine.name == name; });
    if (there || being_made(name)) continue;
    boot.name = name;
    boot.made = true;
    boot.request = ask("boot", name, boot.deadline);
    return retire_old();
  }
  outcomes_.push_back({boot.id, std::nullopt, pool_is_full(settings_), ""});
}

// The new generation takes over: the old one takes no more calls and leaves when its own are done.
void Pool::retire_old() {
  for (Machine& machine : machines_) {
    if (machine.generation == generation_ || machine.state != "started") continue;
    ask("stop", machine.name, Deadline());
    machine.state = "stopping";
  }
}

std::unique_ptr<Link> Pool::boot_and_connect(Deadline deadline, const Watch& watch) {
  if (watch.before_boot) watch.before_boot();
  if (watch.on_phase) watch.on_phase("boot");
  used_.insert(watch.avoid.begin(), watch.avoid.end());
  const BootLockHeld held(*this);
  if (begin_boot(deadline) == 0) return nullptr;
  for (;;) {
    for (BootOutcome& outcome : take_boots()) {
      if (!outcome.note.empty() && watch.on_note) watch.on_note(outcome.note);
      // Ours, without a type: the engine's own words have its code there.
      if (outcome.error && outcome.error->kind == ErrorKind::capacity && outcome.error->type.empty())
        return nullptr;
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
      if (!is_draining(*link)) return link;
      forget(runner);
      leaving_.insert(runner.name);
      return nullptr;
    } catch (const Error& error) {
      if (error.kind != ErrorKind::unreachable) throw;
      why = error;
    }
    const bool power_of_two = (tries & (tries - 1)) == 0;
    if (const auto gone =
            tries >= kTriesBeforeAsking && power_of_two ? why_gone(runner.name, deadline) : std::nullopt) {
      forget(runner);
      // One that left by itself while it was found is no failure, unless it happens again and again.
      if (gone->kind != ErrorKind::boot_failed && ++deaths_ < kDeathsMax) return nullptr;
      const Error error = gone->kind == ErrorKind::boot_failed ? *gone : no_hello(boot, *why);
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
    ask_and_wait("connect", name, deadline);
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

// A machine that runs and never says hello would be paid for as long as it likes.
void Pool::give_up(const BootOutcome& boot) {
  if (!boot.made || !spends()) return;
  breaker_.failed(
      Error(ErrorKind::boot_failed, "the runner " + boot.runner->name + " did not say hello in time"));
  try {
    stop(boot.runner->name, Deadline::in(kGiveUpPatience));
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

// False: another flame boots in this pool.
bool Pool::boot_some(std::uint64_t count, Deadline deadline, const Watch& watch) {
  const BootLockHeld held(*this);
  std::uint64_t left = 0;
  while (left < count && begin_boot(deadline) != 0) ++left;
  const bool ours = left > 0;
  while (left > 0) {
    for (BootOutcome& outcome : take_boots()) {
      if (!outcome.note.empty() && watch.on_note) watch.on_note(outcome.note);
      if (outcome.error) throw for_people(*outcome.error);
      if (!outcome.runner) continue;
      --left;
      (void)wait_for_hello(outcome, deadline, watch);
    }
    pollfd wait = {left > 0 ? boot_fd() : -1, POLLIN, 0};
    if (left > 0) ::poll(&wait, 1, deadline.earlier(boot_deadline()).poll_timeout_ms());
  }
  return ours;
}

void Pool::warm(std::uint64_t size, Deadline deadline, const Watch& watch) {
  if (size > settings_.max) throw pool_is_full(settings_);
  breaker_.ignore_pause();
  const Deadline patience = deadline.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  for (std::uint64_t ready; (ready = count_ready(patience)) < size;) {
    if (patience.passed())
      throw Error(
          deadline.passed() ? ErrorKind::timed_out : ErrorKind::boot_failed,
          "only " + std::to_string(ready) + " of " + std::to_string(size) + " runners became ready in time")
          .at_phase("boot");
    if (!boot_some(size - ready, patience, watch)) ::usleep(5000);
  }
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
