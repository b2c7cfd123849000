// Whose runner a call of `flame run` gets: one of the pool's, or one of its own on this computer.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cli/commands/run_options.hpp"
#include "cli/commands/run_target.hpp"
#include "client/call.hpp"
#include "client/inline/debugger.hpp"
#include "client/inline/private_runner.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {

// What it is made from outlives it; it puts its own hooks into the events.
class RunEngine {
 public:
  RunEngine(const RunOptions& options, const client::PoolSettings& settings, const Target& target,
            client::CallEvents& events);

  std::unique_ptr<client::Link> find(client::Pool::Watch& watch);
  // Returns when the call is done, or taken: then its id, else 0.
  std::uint64_t give(client::Link& link, const client::Invocation& call, const client::CallEvents& events);
  // A machine that died tells more than that the link ended.
  void explain_loss(Error& error, const std::string& runner);
  bool has_booted() const { return pool_ && pool_->has_booted(); }
  bool has_place() const { return next_ != nullptr; }  // at another runner, for a call that waited
  void use(const client::PoolSettings& settings) { pool_.emplace(settings); }
  // The worker ends, and then, when its user says so, the debugger.
  void await_debugger();

 private:
  bool keep_place();
  void watch_with_gdb(client::CallEvents& events);
  const client::Invocation& asking_for_times(const client::Link& link, const client::Invocation& call);

  const RunOptions& options_;
  const Target& target_;
  std::optional<client::Invocation> with_times_;
  std::optional<client::Pool> pool_;
  std::string runner_;  // that has the call
  std::unique_ptr<client::Link> next_;
  std::optional<client::PrivateRunner> own_;
  std::optional<client::Debugger> debugger_;  // ends before the runner does
};

}  // namespace flame::cli
