#include "steps.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <filesystem>

#include "plan.hpp"
#include "times.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kHoldCheck{5};
constexpr std::int64_t kRestartWindowMs = 5 * 60 * 1000;

void release_process(World& world, Machine& machine) {
  if (!machine.process) return;
  // Not here: we may be inside one of its own handlers.
  asio::post(world.loop, [gone = std::shared_ptr<MachineProcess>(std::move(machine.process))]() {});
}

json::object exit_request(const Machine& machine, const ExitInfo& info, bool restarting) {
  return {{"exit_event", json::object{{"exit_code", info.code},
                                      {"guest_exit_code", info.code},
                                      {"guest_signal", info.signal == 0 ? -1 : info.signal},
                                      {"signal", -1},
                                      {"oom_killed", info.oom},
                                      {"requested_stop", machine.requested_stop},
                                      {"restarting", restarting},
                                      {"exited_at", rfc3339(unix_ms())},
                                      {"error", ""}}},
          {"restart_count", machine.restart_count}};
}

bool restarts(Machine& machine, const ExitInfo& info) {
  const RestartRule rule = restart_of(machine.config());
  if (rule.policy == "always") return true;
  if (rule.policy != "on-failure" || info.code == 0) return false;
  const std::int64_t now = unix_ms();
  std::erase_if(machine.restarts_ms, [&](std::int64_t when) { return when < now - kRestartWindowMs; });
  return static_cast<std::int64_t>(machine.restarts_ms.size()) < rule.max_retries;
}

void restart_after_exit(World& world, Machine& machine) {
  ++machine.restart_count;
  machine.restarts_ms.push_back(unix_ms());
  if (machine.state() == State::started) machine.set_state(State::restarting);
  after(world, machine, "restart", world.settings.restart_pause_ms, [&world](Machine& m) { boot(world, m); });
}

void process_exited(World& world, Machine& machine, const ExitInfo& info) {
  machine.kill_timer.cancel();
  release_process(world, machine);
  machine.asleep_since_ms = 0;
  const auto then = std::exchange(machine.when_exited, nullptr);
  const bool again = !then && restarts(machine, info);
  world.event(machine, "exit", "stopped", "flyd", exit_request(machine, info, again));
  machine.requested_stop = false;
  if (then) return then();
  interrupt(machine);
  if (again) return restart_after_exit(world, machine);
  if (machine.state() == State::starting) machine.set_state(State::started);  // it ran, however short
  come_to_rest(world, machine);
}

void strike_started(World& world, Machine& machine) {
  for (const char* kind : {"dies", "oom"}) {
    const Fault* fault = world.faults.strike(kind, place_of(machine));
    if (fault == nullptr) continue;
    machine.kill_timer.expires_after(std::chrono::milliseconds(fault->delay_ms));
    machine.kill_timer.async_wait(
        [weak = machine.weak_from_this(), oom = std::string_view(kind) == "oom"](error_code failed) {
          const auto m = weak.lock();
          if (failed || !m || !m->process) return;
          m->oom_by_fault = oom;
          m->process->signal(SIGKILL);
        });
    return;
  }
}

void became_started(World& world, Machine& machine) {
  if (machine.state() != State::starting) return;
  machine.launching = false;
  machine.set_state(State::started);
  world.event(machine, "start", "started");
  strike_started(world, machine);
}

void start_process(World& world, Machine& machine) {
  ProcessEvents events;
  const auto weak = machine.weak_from_this();
  const auto with = [&world, weak](auto&& then) {
    if (const auto m = weak.lock()) then(world, *m);
  };
  events.up = [with] { with([](World& w, Machine& m) { became_started(w, m); }); };
  events.failed = [with](const std::string& why) {
    with([&](World& w, Machine& m) {
      w.logs.add(m.app, m.id, m.region, "[init] " + why);
      became_started(w, m);
    });
  };
  events.exited = [with](ExitInfo info) {
    with([&](World& w, Machine& m) {
      info.oom = info.oom || std::exchange(m.oom_by_fault, false);
      process_exited(w, m, info);
    });
  };
  events.log = [with](std::string_view line) {
    with([&](World& w, Machine& m) { w.logs.add(m.app, m.id, m.region, line); });
  };
  machine.process = world.start_process(process_plan(world, machine), std::move(events));
}

void come_up(World& world, Machine& machine) {
  if (world.faults.strike("never_starts", place_of(machine)) != nullptr) return;
  if (const Fault* late = world.faults.strike("listens_late", place_of(machine)); late != nullptr) {
    const std::int64_t delay = late->delay_ms;
    became_started(world, machine);
    return after(world, machine, "listen", delay, [&world](Machine& m) { start_process(world, m); });
  }
  start_process(world, machine);
}

}  // namespace

FaultPlace place_of(const Machine& machine, std::string_view verb, std::string_view step) {
  return {verb, machine.id, machine.region, machine.app, step};
}

void interrupt(Machine& machine) {
  ++machine.epoch;
  machine.step_timer.cancel();
}

void after(World& world, Machine& machine, std::string_view step, std::int64_t delay_ms,
           std::function<void(Machine&)> next) {
  const std::uint64_t epoch = ++machine.epoch;
  machine.step_timer.expires_after(std::chrono::milliseconds(delay_ms));
  machine.step_timer.async_wait([&world, weak = machine.weak_from_this(), epoch, step,
                                 next = std::move(next)](error_code failed) mutable {
    const auto m = weak.lock();
    if (failed || !m || m->epoch != epoch) return;
    if (m->host_gone || world.faults.standing("hold", place_of(*m, {}, step)) != nullptr)
      return after(world, *m, step, kHoldCheck.count(), std::move(next));
    next(*m);
  });
}

void boot(World& world, Machine& machine) {
  machine.launching = false;
  machine.set_state(State::starting);
  world.event(machine, "start", "starting");
  after(world, machine, "boot", world.delay(world.settings.boot),
        [&world](Machine& m) { come_up(world, m); });
}

void end_process(World& world, Machine& machine, int signal, std::int64_t timeout_ms,
                 std::function<void(Machine&)> next) {
  interrupt(machine);
  machine.kill_timer.cancel();
  if (!machine.process) return next(machine);
  machine.when_exited = [weak = machine.weak_from_this(), next = std::move(next)] {
    if (const auto m = weak.lock()) next(*m);
  };
  if (machine.asleep_since_ms != 0 || machine.host_gone) signal = SIGKILL;  // it cannot hear another
  machine.process->signal(signal);
  if (world.faults.strike("deaf", place_of(machine)) != nullptr) return;
  machine.kill_timer.expires_after(std::chrono::milliseconds(timeout_ms));
  machine.kill_timer.async_wait([weak = machine.weak_from_this()](error_code failed) {
    const auto m = weak.lock();
    if (!failed && m && m->process) m->process->signal(SIGKILL);
  });
}

void begin_removal(World& world, Machine& machine) {
  if (machine.state() == State::destroying) return;
  machine.set_state(State::destroying);
  world.event(machine, "destroy", "destroying");
}

void remove(World& world, Machine& machine) {
  begin_removal(world, machine);
  after(world, machine, "destroy", world.delay(world.settings.destroy), [&world](Machine& m) {
    m.lease.reset();
    m.shown_destroyed_at_ms = unix_ms() + world.delay(world.settings.destroyed_lag);
    m.set_state(State::destroyed);
    world.event(m, "destroy", "destroyed");
    std::error_code ignored;
    std::filesystem::remove_all(m.scratch, ignored);
  });
}

void come_to_rest(World& world, Machine& machine) {
  if (flag(machine.config(), "auto_destroy")) return remove(world, machine);
  if (machine.state() != State::stopped) machine.set_state(State::stopped);
  machine.active_until_ms = unix_ms() + world.delay(world.settings.still_active);
}

}  // namespace flame::fly
