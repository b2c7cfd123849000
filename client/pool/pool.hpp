// Finding runners: those that are known first, then the engine (design: hints → list → start → boot).
#pragma once
#include <boost/json/fwd.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "client/link/link.hpp"
#include "client/pool/backend.hpp"
#include "client/pool/breaker.hpp"
#include "client/pool/hints.hpp"
#include "client/pool/machine.hpp"
#include "client/pool/policy.hpp"
#include "client/pool/settings.hpp"

namespace flame::client {

// What became of a begin_boot(): a runner whose hello may be waited for, or why there is none. With neither
// it is a note for people and the boot goes on.
struct BootOutcome {
  std::uint64_t boot = 0;
  std::optional<Runner> runner;
  std::optional<Error> error;
  std::string note;
  bool made = false;   // by us and just now: nobody else looks after it yet
  bool found = false;  // it ran already, and nothing was booted
};

double usual_boot_seconds(const PoolSettings& settings);  // of this engine, where nothing was measured

// A member of a hello; 0: it said none. key: "\"slots\":", for this stands on the path of every call and
// parses nothing else.
std::uint64_t number_in(const std::string& hello, std::string_view key);
bool is_draining(const Link& link);               // its hello said so: no new calls
bool is_full(const Link& link);                   // so: a call may have to wait
std::string runner_in(const std::string& hello);  // its name; empty: it said none

class Pool {
 public:
  // Throws Error(config) when the runtime directory is not ours alone, or a program of ours is missing.
  explicit Pool(PoolSettings settings);
  ~Pool();

  const PoolSettings& settings() const { return settings_; }
  const std::string& generation() const { return generation_; }  // of runners that these settings make

  // ---- For one call ----
  struct Watch {
    std::function<void(std::string_view)> on_phase;       // "find", "boot", "connect"
    std::function<void(const std::string&)> on_note;      // what the engine says meanwhile
    std::function<void(const std::string&)> on_decision;  // why one is booted, or not, when none has room
    std::function<void()> before_boot;                    // nothing is ready; what it throws ends find()
    std::function<void(std::uint64_t ready, std::uint64_t size)> on_ready;  // warm
    std::set<std::string> avoid;                                            // names of runners that said busy
  };
  // A link to a ready runner; boots one when there is none. Throws Error(boot_failed, timed_out, …).
  std::unique_ptr<Link> find(Deadline deadline, const Watch& watch = {});
  // Another runner than this if one has room now; waits for none, boots none.
  std::unique_ptr<Link> find_room(const std::string& other_than, Deadline deadline);
  // Returns when so many runners have said hello; boots those that lack. Throws as find() does.
  void warm(std::uint64_t size, Deadline deadline, const Watch& watch = {});
  // So many more than these; their names, in case of a plan of those that would be.
  std::vector<std::string> boot_more(std::uint64_t count, const std::vector<std::string>& than,
                                     Deadline deadline, const Watch& watch = {});
  bool has_booted() const { return backend_ != nullptr; }  // the engine was asked
  std::unique_ptr<Link> connect(const Runner& runner, Deadline deadline);

  // ---- For a loop that works on what is ready while more boots ----
  // Runners of this generation that may be tried now: no waiting, no backend. Some may be gone.
  std::vector<Runner> known() const;
  void remember(const Runner& runner);                         // after its hello
  void forget(const Runner& runner);                           // after a hello that did not come
  void let_go(const std::string& name) { used_.erase(name); }  // we have no use for it any more
  // Asks for one more runner; never blocks. 0: another flame of this user boots in this pool; ask again
  // after a moment, and look at known() meanwhile. Else its number, and take_boots() gives its outcome later:
  // Error(capacity) when the pool has its most, Error(timed_out) at the deadline.
  std::uint64_t begin_boot(Deadline deadline);
  int boot_fd() const;  // poll for reading; -1: nothing is being asked. Changes with each call.
  Deadline boot_deadline() const;
  std::vector<BootOutcome> take_boots();
  // Why the engine has it no more; nullopt: it is there, and may listen in a moment.
  std::optional<Error> why_gone(const std::string& name, Deadline deadline);

  // Why a runner that was lost has ended: Error(out_of_memory) or Error(boot_failed). Asks the engine for a
  // second at most; nullopt when that does not know, or the runner is alive, or is on this computer.
  std::optional<Error> autopsy(const std::string& name, Deadline deadline);
  std::string hinted_address(
      const std::string& name) const;  // "host:port" of that runner; "" when not over TCP

  // ---- For a loop that keeps a pool ----
  // Old runners are its own affair: a boot does not send them away.
  void leave_old_ones() { leaves_old_ = true; }
  // Asks the engine and returns; its end comes by take_answers(), behind a take_boots(). more: further
  // members.
  std::uint64_t begin(std::string_view verb, const std::string& name, Deadline deadline,
                      const boost::json::object& more);
  std::vector<BackendAnswer> take_answers() { return std::exchange(answers_, {}); }
  void end_lease(const std::string& lease, Deadline deadline);
  // Of a boot whose outcome was a runner: its hello came, or why it never will.
  void hello_came() { breaker_.mended(); }
  void no_hello_came(const Error& why) {
    if (spends()) breaker_.failed(why);
  }
  bool spends() const { return settings_.backend != "local"; }   // a boot there costs money
  const std::string& directory() const { return runtime_dir_; }  // of this user, for files of ours
  const std::string& place() const { return place_; }  // part of file names: what means the same pool

  // ---- The engine's verbs ----
  // Every name that a runner of this pool can have: K < max + surge.
  std::vector<std::string> names() const;
  std::vector<Machine> list(Deadline deadline);
  std::vector<Machine> list_all(Deadline deadline);  // of all pools, where the engine can tell
  // stop: takes no more, gone when its calls are done; destroy: gone, after a short grace; suspend. All are
  // asked at once; the first error is thrown when all have answered.
  void change_all(std::string_view verb, const std::vector<std::string>& names, Deadline deadline);
  void destroy(const std::string& name, Deadline deadline) { change_all("destroy", {name}, deadline); }
  void destroy_in(const std::string& pool, const std::string& name, Deadline deadline);
  bool engine_can(std::string_view ability, Deadline deadline);
  std::string logs(const std::string& name, std::uint64_t lines, Deadline deadline);

  // From now on nothing that would change the engine is asked of it: each such request is told, in the
  // engine's own words where it has them.
  using Plan = std::function<void(const std::string& request)>;
  void only_plan(Plan plan) { plan_ = std::move(plan); }
  double planned_usd_per_second() const { return planned_usd_per_second_; }  // of what would run more

 private:
  struct Boot {
    std::uint64_t id = 0;       // begin_boot's
    std::uint64_t request = 0;  // the backend's, being asked; 0: settled
    std::string name;           // being started or booted; empty: being listed
    std::set<std::string> taken;
    int left = 0;  // runners that were well and had left before we knew of them
    Machine machine;
    Deadline deadline;
    bool made = false, found = false;  // as in its outcome
  };
  // Others of this user boot nothing before our boots have said hello, or have failed.
  struct BootLockHeld {
    explicit BootLockHeld(Pool& pool_in) : pool(pool_in) { pool.awaiting_hello_ = true; }
    ~BootLockHeld() {
      pool.awaiting_hello_ = false;
      if (pool.boots_.empty()) pool.boot_lock_.reset();
    }
    BootLockHeld(const BootLockHeld&) = delete;
    BootLockHeld& operator=(const BootLockHeld&) = delete;
    Pool& pool;
  };
  // What was seen while a runner with room was looked for.
  struct Found {
    std::unique_ptr<Link> link;  // with room, else the one that calls wait for the least
    bool has_room = false;
    double wait_seconds = 0, mean_run_seconds = 0;  // there; 0: how long its calls run is not known
    double queued = 0;                              // everywhere
    std::vector<RunnerLoad> loads;
  };
  bool look_at(const Runner& runner, Deadline deadline, Found& found);
  Found find_ready(Deadline deadline, const std::set<std::string>& avoid);
  bool pays(const Found& found, const Watch& watch);
  bool too_costly() const;
  bool first_is_too_dear() const;
  std::string runner_name(std::uint64_t k) const;
  Runner local_runner(std::uint64_t k) const;
  std::uint64_t names_in_use() const { return settings_.max + settings_.surge; }
  std::unique_ptr<Link> find_within(Deadline patience, const Watch& watch);
  std::unique_ptr<Link> attempt(const Runner& runner, milliseconds patience, Deadline deadline);
  std::unique_ptr<Link> try_runner(const Runner& runner, Deadline deadline);

  Backend& backend();
  struct Details {
    std::uint64_t lines = 0;
    std::string pool;  // empty: ours
    bool all = false;
    const boost::json::object* more = nullptr;
  };
  std::uint64_t ask(std::string_view verb, const std::string& name, Deadline deadline,
                    const Details& details);
  std::uint64_t ask(std::string_view verb, const std::string& name, Deadline deadline) {
    return ask(verb, name, deadline, Details());
  }
  void ask_boot(Boot& boot, std::string_view verb);
  bool only_told(std::string_view verb, const std::string& name, Deadline deadline);
  void settle_asides(Deadline deadline);
  BackendAnswer ask_and_wait(std::string_view verb, const std::string& name, Deadline deadline,
                             const Details& details);
  bool take_boot_lock();
  void advance(Boot& boot, const BackendAnswer& answer);
  void choose(Boot& boot);
  void give(Boot& boot);
  void retire_old();
  std::unique_ptr<Link> boot_or_queue(Found& found, Deadline deadline, const Watch& watch);
  std::unique_ptr<Link> boot_and_connect(Deadline deadline, const Watch& watch);
  std::unique_ptr<Link> wait_for_hello(const BootOutcome& boot, Deadline deadline, const Watch& watch);
  Error no_hello(const BootOutcome& boot, const Error& why);
  Error of_no_use(const BootOutcome& boot, const Error& why);
  void give_up(const BootOutcome& boot);
  Deadline begin_patience(Deadline deadline) {
    return deadline.earlier(patience_ = Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  }
  std::uint64_t count_ready(Deadline deadline);
  bool boot_some(std::uint64_t count, Deadline deadline, const Watch& watch,
                 const std::function<void(const std::string&)>& on_one);
  std::string log_hint(const std::string& name);

  PoolSettings settings_;
  std::string runtime_dir_, runner_path_, build_, generation_;
  const std::string place_;  // what is shared by flames that mean the same pool
  Hints hints_;
  Breaker breaker_;
  std::set<std::string> used_;     // names that we have a use for already: remembered, given out, or busy
  std::set<std::string> leaving_;  // names whose hello said draining
  bool was_refused_ = false;       // the latest boot, for max or for what it costs
  double price_each_ = 0;          // of a machine, as far as one has told
  double boot_price_ = 0;          // of the first one, by the engine's price list; 0: not told
  std::string told_;               // the latest decision
  int deaths_ = 0;                 // of runners in a row that ended before their hello

  std::unique_ptr<Backend> backend_;
  Deadline patience_;   // boot_timeout, whatever our caller's own deadline is
  UniqueFd boot_lock_;  // ours while anything boots
  bool awaiting_hello_ = false;
  std::string reach_hint_;         // the engine's, of a runner that is started and does not answer
  std::vector<Machine> machines_;  // the engine's latest list
  std::deque<Boot> boots_;
  std::vector<BootOutcome> outcomes_;
  bool leaves_old_ = false;
  std::set<std::uint64_t> begun_;  // by begin()
  std::vector<BackendAnswer> answers_;
  std::set<std::uint64_t> asides_;  // requests whose answers nobody waits for
  Plan plan_;
  double planned_usd_per_second_ = 0;
  std::optional<std::vector<std::string>> abilities_;
  std::uint64_t last_boot_ = 0;
};

}  // namespace flame::client
