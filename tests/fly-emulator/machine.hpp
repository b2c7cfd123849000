// One machine: its record, its state, who waits for it. What makes it move is in lifecycle.hpp.
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config.hpp"
#include "image.hpp"
#include "process.hpp"
#include "state.hpp"

namespace flame::fly {

struct Event {
  std::string id, type, status, source;
  std::int64_t timestamp_ms;
  boost::json::value request;
};

struct Version {
  std::string instance_id;
  boost::json::object config;
};

struct Lease {
  std::string nonce, owner, description, version;
  std::int64_t expires_at_s;
};

struct Run {  // a stay in `started`, for the bill
  std::int64_t from_ms;
  std::int64_t until_ms;  // 0: still there
  Guest guest;
};

class Machine : public std::enable_shared_from_this<Machine> {
 public:
  explicit Machine(boost::asio::io_context& loop) : step_timer(loop), kill_timer(loop) {}

  std::string id, name, app, org, region, address, scratch;
  Image image;
  std::int64_t created_at_ms = 0, updated_at_ms = 0, destroyed_at_ms = 0, shown_destroyed_at_ms = 0,
               rest_since_ms = 0;
  std::vector<Version> versions;  // the last one holds
  std::vector<Event> events;      // oldest first
  std::optional<Lease> lease;
  std::vector<Run> runs;
  std::int64_t rested_ms = 0;  // stopped or suspended, for the bill
  bool cordoned = false, from_deploy = false, skip_secrets = false;
  bool launching = false;  // created by a request that boots it
  bool host_gone = false;
  std::int64_t secrets_version = 0;

  // The process and what is being done with it.
  std::unique_ptr<MachineProcess> process;
  std::uint64_t epoch = 0;  // a step of an older epoch is stale
  boost::asio::steady_timer step_timer, kill_timer;
  bool requested_stop = false, oom_by_fault = false;
  std::int64_t restart_count = 0, active_until_ms = 0, asleep_since_ms = 0, clock_behind_ms = 0;
  std::vector<std::int64_t> restarts_ms;
  std::function<void()> when_exited;  // what the stop was for; else the restart rule decides

  State state() const { return state_; }
  // Throws std::logic_error when it is not allowed: a fault of ours.
  void set_state(State next);
  bool live() const { return state_ != State::destroyed; }

  const boost::json::object& config() const { return versions.back().config; }
  boost::json::object& config() { return versions.back().config; }
  const std::string& instance_id() const { return versions.back().instance_id; }

  const Lease* live_lease(std::int64_t now_ms) const {
    return lease && lease->expires_at_s * 1000 > now_ms ? &*lease : nullptr;
  }
  // Called at each change of state and event until it returns true.
  void watch(std::function<bool()> watcher) { watchers_.push_back(std::move(watcher)); }
  void add_event(Event event);

 private:
  void tell();
  State state_ = State::created;
  std::vector<std::function<bool()>> watchers_;
};
using MachinePtr = std::shared_ptr<Machine>;

}  // namespace flame::fly
