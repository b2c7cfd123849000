// The part of Pool that asks the engine: one flame per user and pool boots at a time, the others wait.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/process.hpp"
#include "client/pool/errors.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {
namespace {

constexpr int kLeftMax = 5;  // an image whose runner leaves at once is no pool

// The same each time, so that a plan names what will be; another for other computers and users.
std::uint64_t first_of(const std::string& runtime_dir) {
  return static_cast<unsigned char>(sha256(host_name() + "\n" + runtime_dir)[0]);
}

}  // namespace

bool Pool::take_boot_lock() {
  if (boot_lock_) return true;
  const std::string path = runtime_dir_ + "/boot-" + place_ + ".lock";
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    boot_lock_ = std::move(fd);
    return true;
  }
  if (errno != EWOULDBLOCK) throw system_error("cannot lock '" + path + "'", errno);
  return false;
}

std::uint64_t Pool::begin_boot(Deadline deadline) {
  if (!plan_ && !take_boot_lock()) {
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
      if (plan_)
        plan_(answer->text);
      else
        outcomes_.push_back({boot != boots_.end() ? boot->id : 0, std::nullopt, std::nullopt, answer->text});
      continue;
    }
    asides_.erase(answer->id);
    if (begun_.erase(answer->id) > 0) {
      answers_.push_back(std::move(*answer));
      continue;
    }
    // Several wait for one list; for an old generation that was asked to stop, none does.
    std::vector<Boot*> waiting;
    for (Boot& boot : boots_)
      if (boot.request == answer->id) waiting.push_back(&boot);
    if (!answer->error && !waiting.empty() && waiting.front()->name.empty()) {
      machines_ = answer->machines;
      boot_price_ = answer->boot_price_per_second;
    }
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
    // Idle before we knew of it, or another user took it: what the engine has now is looked at again.
    if (tells_leaving(*answer.error) && ++boot.left < kLeftMax) {
      boot.name.clear();
      boot.made = false;
      boot.request = ask("list", "", boot.deadline);
      return;
    }
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
    price_each_ = std::max(price_each_, boot.machine.price_per_second);
    if (plan_) planned_usd_per_second_ += boot.machine.price_per_second;
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
                       std::nullopt, "", boot.made, boot.found});
}

// With one more, an hour. Where no price list says it, the first one tells what each costs: until then there
// is no second.
bool Pool::too_costly() const {
  if (settings_.max_cost_per_hour <= 0 || !spends()) return false;
  double running = 0, each = price_each_;
  std::set<std::string> unlisted = used_;
  for (const Boot& boot : boots_)
    if (!boot.name.empty()) unlisted.insert(boot.name);
  bool priced = each > 0;
  for (const Machine& machine : machines_) {
    if (machine.state != "started") continue;
    priced = true;  // an engine that asks no price tells none
    running += machine.price_per_second;
    each = std::max(each, machine.price_per_second);
    unlisted.erase(machine.name);
  }
  if (!priced && boot_price_ == 0) return !unlisted.empty();
  if (!priced) each = boot_price_;
  running += each * static_cast<double>(unlisted.size());
  return (running + each) * 3600 > settings_.max_cost_per_hour * (1 + 1e-9);
}

// Waiting would not help.
bool Pool::first_is_too_dear() const {
  return settings_.max_cost_per_hour > 0 && machines_.empty() && used_.empty() &&
         boot_price_ * 3600 > settings_.max_cost_per_hour * (1 + 1e-9);
}

void Pool::choose(Boot& boot) {
  boot.name.clear();
  boot.found = false;
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
    if (machine.state != "started" && too_costly()) break;
    boot.name = machine.name;
    boot.machine = machine;
    boot.found = machine.state == "started";
    if (boot.found) return give(boot);  // somebody else's, or one whose hint was lost
    return ask_boot(boot, "start");
  }
  if (first_is_too_dear())
    return outcomes_.push_back({boot.id, std::nullopt, too_dear(settings_, boot_price_), ""});
  if (too_costly()) return outcomes_.push_back({boot.id, std::nullopt, costs_too_much(settings_), ""});
  const std::uint64_t limit = settings_.max + (handing_over ? settings_.surge : 0);
  // Several computers begin at different names, so that they do not spend the engine's limit on clashes.
  const std::uint64_t first = settings_.backend == "local" || limit == 0 ? 0 : first_of(runtime_dir_) % limit;
  for (std::uint64_t i = 0; i < limit; ++i) {
    const std::string name = runner_name((first + i) % limit);
    const bool there = std::any_of(machines_.begin(), machines_.end(),
                                   [&](const Machine& machine) { return machine.name == name; });
    if (there || being_made(name)) continue;
    boot.name = name;
    boot.made = true;
    ask_boot(boot, "boot");
    return retire_old();
  }
  outcomes_.push_back({boot.id, std::nullopt, pool_is_full(settings_), ""});
}

void Pool::ask_boot(Boot& boot, std::string_view verb) {
  if (!only_told(verb, boot.name, boot.deadline)) {
    boot.request = ask(verb, boot.name, boot.deadline);
    return;
  }
  used_.insert(boot.name);
  outcomes_.push_back({boot.id, Runner{boot.name, {}, generation_}, std::nullopt, ""});
}

// The new generation takes over: the old one takes no more calls and leaves when its own are done.
void Pool::retire_old() {
  if (leaves_old_) return;
  for (Machine& machine : machines_) {
    if (machine.generation == generation_ || machine.state != "started") continue;
    if (!only_told("stop", machine.name, Deadline())) asides_.insert(ask("stop", machine.name, Deadline()));
    machine.state = "stopping";
  }
}

}  // namespace flame::client
