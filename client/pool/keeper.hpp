// The loop behind `flame pool keep`: knows the runners of a pool by links that stay open, so that the end of
// one is known at once, and does what plan_keeping() says while the lease is ours.
#pragma once
#include <poll.h>

#include <boost/json/object.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/pool/keep_lease.hpp"
#include "client/pool/keep_load.hpp"
#include "client/pool/keep_plan.hpp"
#include "client/pool/policy.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

struct KeepCounters {
  std::uint64_t boots_ready = 0, boots_failed = 0, lost = 0, drained = 0, left_behind = 0, engine_errors = 0;
  double boot_seconds = 0;  // sum over boots_ready
};

// One runner as a keeper sees it.
struct Kept {
  Machine machine;
  KeptRunner::State state = KeptRunner::State::coming;
  std::unique_ptr<Link> link;
  bool linked = false;  // its hello came by this link
  bool looks = false;   // it answers a look
  Clock::time_point since{}, next_try{}, try_until{}, heard_at{}, ready_at{};
  std::uint64_t tries = 0;
  bool booted = false;     // by us, and its hello has not come yet
  bool refreshed = false;  // the latest list has it
  bool draining_told = false;

  bool sought() const {
    return !linked && (state == KeptRunner::State::coming || state == KeptRunner::State::silent);
  }
  bool heard = false;  // it has answered a look
  std::string info;    // what it said last, as JSON
  std::uint64_t slots = 0, busy = 0, queued = 0, idle_ms = 0;
  double p95_ms = 0, oldest_wait_ms = 0, longest_run_ms = 0;
};

class Keeper {
 public:
  using Log = std::function<void(const char* level, const char* event, boost::json::object fields)>;
  struct Options {
    std::uint64_t spares = 0;
    bool only_looks = false;  // takes no lease and changes nothing
    Log log = {};
  };
  Keeper(PoolSettings settings, Options options, KeepCounters& counters);
  ~Keeper();

  // Never blocks for long: what is ready is taken, what is due is begun.
  void step();
  void append_waits(std::vector<pollfd>& waits) const;
  Clock::time_point wake_at() const;
  void release() { lease_.release(); }

  const Pool& pool() const { return pool_; }
  const std::list<Kept>& runners() const { return runners_; }
  bool acting() const { return acting_; }
  // What no time will mend: the engine cannot be used as things are. Until it was seen once.
  const std::optional<Error>& fatal() const { return fatal_; }
  bool looked() const { return listed_at_ != Clock::time_point(); }  // the engine has been seen
  std::uint64_t booting() const { return boots_.size(); }
  std::uint64_t ready() const;
  bool all_heard() const;  // nobody is coming, and all who can have answered a look
  std::uint64_t wanted() const { return plan_.wanted; }
  const std::string& decision() const { return plan_.reason; }
  const std::string& holder() const { return lease_.holder(); }
  bool is_current(const Kept& one) const { return one.machine.generation == pool_.generation(); }
  // Why it is not well: the engine does not answer, or boots fail and there are fewer than min. Empty: it is.
  std::string trouble() const;

 private:
  struct Boot {
    std::uint64_t id = 0;
    Clock::time_point since;
  };
  void log(const char* level, const char* event, boost::json::object fields) const;
  void become(bool acting);

  // keeper_engine.cpp
  void take_engine(Clock::time_point now);
  void take_boot(const BootOutcome& outcome, Clock::time_point now);
  void take_list(const std::vector<Machine>& machines, Clock::time_point now);
  void take_left(const std::vector<Machine>& machines);
  void engine_failed(const Error& error, Clock::time_point now);
  void ask_list(Clock::time_point now);
  void ask_why(const std::string& name, Clock::time_point now);
  void boot_failed(const std::string& name, const Error& why, Clock::time_point now);

  // keeper_runners.cpp
  void visit(Kept& one, Clock::time_point now);
  void approach(Kept& one, Clock::time_point now);
  void arrived(Kept& one, Clock::time_point now);
  void boot_came(const Kept& one, Clock::time_point begun);
  void listen(Kept& one, Clock::time_point now);
  void take_info(Kept& one, std::string_view body, Clock::time_point now);
  void set_state(Kept& one, KeptRunner::State state);
  void lost(Kept& one, const Error& why, Clock::time_point now);
  void not_there(Kept& one, const Error& why, Clock::time_point now);
  void gone(Kept& one, const char* why, Clock::time_point now);
  void look_at_all(Clock::time_point now);

  // keeper_scaling.cpp
  void take_calls(Kept& one, const boost::json::object& info, Clock::time_point now);
  double boot_seconds() const;
  PoolState load_now(Clock::time_point now) const;
  void scale(KeepState& state, Clock::time_point now) const;

  void plan(Clock::time_point now);
  void act(Clock::time_point now);
  Kept* named(const std::string& name);

  Pool pool_;
  const Options options_;
  KeepCounters& counters_;
  KeepLease lease_;
  std::list<Kept> runners_;
  std::vector<Boot> boots_;
  std::map<std::uint64_t, std::string> autopsies_;  // requests that ask why a runner ended, by whom
  KeepPlan plan_;
  KeepLoad load_;
  bool refused_ = false;
  std::string logged_reason_, engine_trouble_, boot_trouble_;
  std::optional<Error> fatal_;
  bool acting_ = false;
  std::uint64_t list_request_ = 0, left_request_ = 0;
  Clock::time_point changed_at_{}, list_due_{}, list_asked_{}, listed_at_{}, left_due_{}, look_due_{},
      boot_not_before_{}, failed_until_{};
  milliseconds list_pause_{0}, boot_pause_{0};
};

}  // namespace flame::client
