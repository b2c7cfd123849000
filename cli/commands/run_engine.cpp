#include "cli/commands/run_engine.hpp"

#include <signal.h>

#include "cli/commands/run_detached.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/inline/children.hpp"
#include "client/plugin/preflight.hpp"

namespace flame::cli {
namespace {

constexpr milliseconds kLookPatience{2'000};  // Ctrl-C is not heard meanwhile

}  // namespace

RunEngine::RunEngine(const RunOptions& options, const client::PoolSettings& settings, const Target& target,
                     client::CallEvents& events)
    : options_(options), target_(target) {
  if (!options.is_inline) {
    pool_.emplace(settings);
    events.elsewhere = [this] { return keep_place(); };
    events.on_started = [this] { next_.reset(); };
    return;
  }
  if (options.inspector == client::Inspector::gdb) watch_with_gdb(events);
  catch_stop_signals(options.deadline);  // from now on there is something to put away
  own_.emplace(settings, options.inspector);
}

std::unique_ptr<client::Link> RunEngine::find(client::Pool::Watch& watch) {
  if (own_) {
    watch.on_phase("connect");
    return own_->connect(options_.deadline);
  }
  if (next_) return std::move(next_);
  watch.before_boot = [this] {
    if (target_.file) client::preflight(*target_.file, pool_->settings().name, pool_->generation());
  };
  return pool_->find(options_.deadline, watch);
}

std::uint64_t RunEngine::give(client::Link& link, const client::Invocation& call,
                              const client::CallEvents& events) {
  if (options_.detach) return detach_call(*pool_, link, call, events);
  runner_ = client::runner_in(link.hello());
  client::run_call(link, asking_for_times(link, call), events);
  return 0;
}

void RunEngine::explain_loss(Error& error, const std::string& runner) {
  const auto why = pool_ ? pool_->autopsy(runner, options_.deadline) : std::nullopt;
  if (!why) return;
  error.message += ": " + why->message;
  error.hint = why->hint;
  if (why->kind == ErrorKind::out_of_memory) error.kind = why->kind;
}

void RunEngine::await_debugger() {
  if (own_) own_->let_go();
  debugger_.reset();
}

// The link itself is the place: runners count those that have just come.
bool RunEngine::keep_place() {
  try {
    next_ = pool_->find_room(runner_, options_.deadline.earlier(Deadline::in(kLookPatience)));
  } catch (const Error&) {  // where it waits, it waits well
  }
  return has_place();
}

void RunEngine::watch_with_gdb(client::CallEvents& events) {
  debugger_.emplace();
  ::sighandler_t const before = ::signal(SIGINT, SIG_IGN);  // Ctrl-C is for gdb
  events.on_started = [this, &events] {
    debugger_->attach(client::worker_of(own_->pid()));
    events.wake_fd = debugger_->wake_fd(events.wake_fd);
  };
  events.interrupted = [this, before] {
    if (debugger_->has_ended()) {
      ::signal(SIGINT, before);
      catch_stop_signals(options_.deadline);
      debugger_->let_go();
    }
    return stop_asked();
  };
}

// The runner's own times cost a little: they are asked for where the call is slow anyway.
const client::Invocation& RunEngine::asking_for_times(const client::Link& link,
                                                      const client::Invocation& call) {
  if (!has_booted() && !client::is_full(link)) return call;
  with_times_ = call;
  with_times_->phases = true;
  return *with_times_;
}

}  // namespace flame::cli
