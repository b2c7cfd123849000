#include "cli/commands/run_call.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/run_engine.hpp"
#include "cli/commands/run_note.hpp"
#include "cli/ui/call_printer.hpp"
#include "cli/ui/once.hpp"
#include "cli/ui/plugin_change.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/status_line.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/crash/crash_file.hpp"
#include "client/crash/explain.hpp"
#include "client/plugin/facts.hpp"
#include "client/plugin/image_scan.hpp"
#include "client/pool/ladder.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {
namespace {

// A function that may be run again, and of which nothing is printed, goes to the next greater guest when its
// memory was not enough; another begins there the next time.
class Climb {
 public:
  Climb(const RunOptions& options, const Target& target, const client::PoolSettings& pool)
      : options_(options), target_(target), ladder_(pool, target.path, target.function) {}

  const client::PoolSettings& settings() const { return ladder_.settings(); }
  void printed() { printed_ = true; }
  bool again(Error& error, RunEngine& engine, const std::function<void()>& rewind) {
    if (error.kind != ErrorKind::out_of_memory) return false;
    if (!settings().guest.empty()) error.message += "; guest: " + settings().guest;
    if (options_.is_inline || !ladder_.climb()) return false;
    const bool idempotent = target_.manifest && target_.manifest->has_flag("idempotent");
    if (!idempotent || printed_ || !can(rewind)) {
      error.hint = "the next call of " + target_.function + " begins on the guest " + settings().guest;
      return false;
    }
    if (!options_.quiet)
      write_all(STDERR_FILENO, "flame: " + printable(error.message) + "; it is called again on the guest " +
                                   printable(settings().guest) + "\n");
    engine.use(settings());
    return true;
  }

 private:
  static bool can(const std::function<void()>& rewind) {
    try {
      rewind();
    } catch (const Error&) {
      return false;
    }
    return true;
  }
  const RunOptions& options_;
  const Target& target_;
  client::Ladder ladder_;
  bool printed_ = false;
};

using FindRunner = std::function<std::unique_ptr<client::Link>(client::Pool::Watch&)>;
using UseRunner = std::function<void(client::Link&)>;

// Until a runner takes it: one that is busy or leaves is no reason to fail while there may be another.
class Attempts {
 public:
  Attempts(FindRunner find, const RunOptions& options, Target& target, const std::string& pool,
           StatusLine& status, PhaseTimes& times)
      : find_(std::move(find)), options_(options), supply_(target.supply), status_(status) {
    watch_.on_phase = [this, &times, &pool](std::string_view name) {
      times.begin(name);
      status_.clear();
      if (name == "boot") status_.say("starting a runner of the pool " + pool);
    };
    if (options.verbose)
      watch_.on_decision = [this](const std::string& why) {
        status_.clear();
        write_all(STDERR_FILENO, "flame: " + printable(why) + "\n");
      };
    if (!options.quiet)
      watch_.on_note = [this](const std::string& note) {
        status_.clear();
        write_all(STDERR_FILENO, "flame: " + printable(note) + "\n");
      };
  }

  // again: whether a call that has ended so is to be made anew.
  void run(const UseRunner& use, client::CallEvents& events, const std::function<void()>& rewind,
           const std::function<bool(Error&)>& again) {
    for (;;) {
      const auto link = find_(watch_);
      hello_ = link->hello();
      // Until now a signal just ended us: nothing had been asked of the runner. One of our own is caught
      // already.
      if (!options_.is_inline) catch_stop_signals(options_.deadline);
      events.wake_fd = stop_wake_fd();
      if (link->can_outlive_losses()) catch_broken_pipe();
      try {
        return use(*link);
      } catch (Error& error) {
        if (supply_.can_mend(error) && !stop_asked()) {
          send_plugin(*link);
        } else if (stop_asked() || !again(error)) {
          if (!another_may_do(error) || stop_asked()) throw;
          pause(error);
          watch_.avoid = {client::runner_in(link->hello())};
        }
      }
      // As before the first: a search may take as long as a boot, and looks at no signal.
      if (!options_.is_inline) release_stop_signals();
      rewind();
    }
  }

  const std::string& hello() const { return hello_; }  // of the runner that was asked last

 private:
  static bool another_may_do(const Error& error) {
    return error.fate == Fate::never_begun &&
           (error.kind == ErrorKind::busy || error.kind == ErrorKind::draining ||
            error.kind == ErrorKind::unreachable);
  }
  void pause(const Error& error) const {
    if (options_.deadline.passed())
      throw Error(ErrorKind::timed_out, "the deadline passed while every runner was busy").at_phase("queue");
    if (error.kind == ErrorKind::unreachable) return;
    ::usleep(static_cast<useconds_t>(std::clamp<std::int64_t>(error.retry_after_ms.value_or(10), 1, 1000)) *
             1000);
  }

  void send_plugin(client::Link& link) {
    if (watch_.on_phase) watch_.on_phase("ship");
    try {
      const auto progress = [this](const client::Shipment& shipment) {
        if (stop_asked()) throw Error(ErrorKind::cancelled, "cancelled while the plugin was sent");
        status_.show({static_cast<double>(shipment.done_bytes()), static_cast<double>(shipment.total_bytes()),
                      "bytes of the plugin sent"});
      };
      supply_.send(link, options_.deadline, progress, stop_wake_fd());
    } catch (const Error& error) {
      // What has come is kept there: the next try goes on where this one stopped.
      if (error.kind != ErrorKind::lost || ++lost_ > kLostMaxCount || options_.deadline.passed()) throw;
    }
    status_.clear();
  }

  static constexpr int kLostMaxCount = 3;
  std::string hello_;
  FindRunner find_;
  const RunOptions& options_;
  client::Supply& supply_;
  StatusLine& status_;
  client::Pool::Watch watch_;
  int lost_ = 0;
};

std::string facts_of_image(const RunOptions& options, const client::PoolSettings& pool) {
  if (options.is_inline || pool.backend == "local") return client::facts_json(client::scan_image("/"));
  const auto facts = client::recorded_facts(pool.name);
  return facts ? client::facts_json(*facts) : "";
}

void keep_crash(Error& error, const client::CrashKeeper& keeper, const RunOptions& options,
                const client::PoolSettings& pool, const std::string& hello) {
  try {
    const std::string path = keeper.keep(error, options.with, hello, facts_of_image(options, pool));
    if (error.hint.empty()) error.hint = "run it again here: flame replay " + path;
  } catch (const Error& why) {
    write_all(STDERR_FILENO, "flame: the crash is not kept: " + printable(why.message) + "\n");
  }
}

}  // namespace

void make_call(const RunOptions& options, Target& target, const client::Config& config,
               const client::Invocation& call, PhaseTimes& times, const std::function<void()>& rewind) {
  StatusLine status(options.quiet);
  ResultPrinter results(options.raw);
  client::CallEvents events;
  Climb climb(options, target, config.pool);
  events.on_output = [&](std::string_view bytes) {
    climb.printed();
    print(bytes);
  };
  events.on_result = [&](std::string_view piece, std::uint8_t flags) {
    climb.printed();
    status.clear();
    results.take(piece, flags);
  };
  events.on_log = [&](std::string_view level, std::string_view text) {
    if (options.quiet) return;
    status.clear();
    print_log(level, text);
  };
  events.on_progress = [&](const client::CallProgress& progress) { status.show(progress); };
  events.interrupted = stop_asked;
  events.on_phase = [&](std::string_view name) { times.begin(name); };
  if (options.verbose)
    events.on_link = [&](const std::string& what) {
      status.clear();
      write_all(STDERR_FILENO, "flame: " + what + "\n");
    };
  events.on_usage = [&](const client::CallUsage& usage) { times.usage(usage); };
  times.begin("find");
  std::optional<client::CrashKeeper> keeper;
  if (!options.keep_crash.empty()) keeper.emplace(options.keep_crash, call);
  RunEngine engine(options, climb.settings(), target, events);
  Attempts attempts([&](client::Pool::Watch& watch) { return engine.find(watch); }, options, target,
                    config.pool.name, status, times);
  CallNote note(call, config.pool.name);
  const auto tell = [&] {
    status.clear();
    if (options.verbose) write_all(STDERR_FILENO, times.report() + note.id_line());
    if (!options.quiet) tell_change(target.path, target.supply.change(), "the call ran", "it");
  };
  try {
    const auto use = [&](client::Link& link) {
      try {
        if (const std::uint64_t id = engine.give(link, call, events)) note.is_detached(id);
      } catch (const Error& error) {
        if (error.kind == ErrorKind::busy && engine.has_place()) {
          times.waited();
          if (events.on_link) events.on_link("another runner has room by now: the call goes there");
        }
        throw;
      }
    };
    attempts.run(use, events, rewind, [&](Error& error) {
      if (error.kind == ErrorKind::lost) engine.explain_loss(error, client::runner_in(attempts.hello()));
      return climb.again(error, engine, rewind);
    });
  } catch (Error& error) {
    note.write(times, attempts.hello(), &error);
    engine.await_debugger();
    tell();
    client::explain_crash(error, call.path);
    if (keeper && client::CrashKeeper::is_kept(error))
      keep_crash(error, *keeper, options, config.pool, attempts.hello());
    throw;
  }
  engine.await_debugger();
  tell();
  if (engine.has_booted()) say_once("engine", client::engine_advice(config));
  finish_output();
  note.write(times, attempts.hello(), nullptr);
}

}  // namespace flame::cli
