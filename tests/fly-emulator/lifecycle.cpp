#include "lifecycle.hpp"

#include <csignal>

#include "plan.hpp"
#include "steps.hpp"
#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

constexpr std::int64_t kSuspendLimitMb = 2048;

void refuse_gone(const Machine& machine) {
  if (machine.state() == State::destroyed || machine.state() == State::destroying ||
      machine.state() == State::launch_failed)
    throw machine_not_found();
  if (machine.host_gone) throw api_error(503, "unavailable: host is unreachable");
}

void refuse_full_host(World& world, const Machine& machine, std::string_view verb) {
  if (const Fault* fault = world.faults.strike("capacity", place_of(machine, verb)); fault != nullptr)
    throw capacity_error(fault->code, machine.region, machine.org);
}

void launch_failed(World& world, Machine& machine) {
  world.event(machine, "launch", "failed");
  machine.set_state(State::launch_failed);
  after(world, machine, "destroy", world.delay(world.settings.destroy), [&world](Machine& m) {
    m.set_state(State::destroyed);
    world.event(m, "destroy", "destroyed");
  });
}

void launch(World& world, Machine& machine) {
  machine.launching = true;
  after(world, machine, "launch", world.delay(world.settings.pull), [&world](Machine& m) {
    const bool pulled = !m.image.directory.empty() && world.faults.strike("pull", place_of(m)) == nullptr;
    pulled ? boot(world, m) : launch_failed(world, m);
  });
}

// Sources differ on whether it reads "created" for ever.
void settle(World& world, Machine& machine) {
  if (world.settings.settle_ms < 0) return;
  after(world, machine, "settle", world.settings.settle_ms, [](Machine& m) { m.set_state(State::stopped); });
}

// It goes on where it stood, a while behind and with its old connections reset.
void wake(World& world, Machine& machine, std::function<void(Machine&)> awake) {
  after(world, machine, "resume", world.delay(world.settings.resume),
        [&world, awake = std::move(awake)](Machine& m) {
          m.clock_behind_ms += unix_ms() - m.asleep_since_ms;
          m.asleep_since_ms = 0;
          if (!world.options.light) write_clock_page(m);
          m.process->thaw(true, [awake, weak = m.weak_from_this(), state = m.state()] {
            const auto alive = weak.lock();
            if (alive && alive->state() == state) awake(*alive);
          });
        });
}

void resume(World& world, Machine& machine) {
  machine.set_state(State::starting);
  world.event(machine, "resume", "starting");
  wake(world, machine, [&world](Machine& m) {
    m.set_state(State::started);
    world.event(m, "start", "started");
  });
}

void drop_snapshot(World& world, Machine& machine) {
  machine.process.reset();
  machine.asleep_since_ms = 0;
  world.event(machine, "exit", "stopped", "flyd",
              json::object{{"exit_event", json::object{{"exit_code", 0}, {"requested_stop", true}}}});
}

void cancel_suspend(World& world, Machine& machine) {
  interrupt(machine);
  machine.asleep_since_ms = 0;
  machine.process->thaw(false, [] {});
  machine.set_state(State::started);
  world.event(machine, "start", "started", "user");
}

void refuse_start(World& world, const Machine& machine) {
  switch (machine.state()) {
    case State::created:
      if (machine.launching) throw cannot_start_from("created");
      return;
    case State::starting:
      throw precondition("machine still attempting to start");
    case State::started:
      if (world.settings.start_on_started == 412) throw cannot_start_from("started");
      return;
    case State::replacing:
    case State::updating:
      throw precondition("machine getting replaced, refusing to start");
    case State::stopped:
      if (machine.active_until_ms > unix_ms()) throw precondition("machine still active, refusing to start");
      return;
    case State::stopping:
    case State::restarting:
      throw cannot_start_from(state_name(machine.state()));
    default:
      return;
  }
}

}  // namespace

MachinePtr create_machine(World& world, NewMachine wanted) {
  auto machine = std::make_shared<Machine>(world.loop);
  do machine->id = world.random.machine_id();
  while (world.machines.contains(machine->id));
  machine->name = wanted.name.empty() ? world.random.machine_name() : wanted.name;
  machine->app = wanted.app;
  machine->org = world.find_app(wanted.app)->org;
  machine->region = wanted.region;
  machine->address = world.next_address();
  machine->scratch = world.scratch_root + "/" + machine->id;
  machine->image = std::move(wanted.image);
  machine->created_at_ms = machine->updated_at_ms = unix_ms();
  machine->versions.push_back({world.random.ulid(machine->created_at_ms), std::move(wanted.config)});
  machine->cordoned = wanted.cordoned;
  machine->from_deploy = wanted.from_deploy;
  machine->skip_secrets = wanted.skip_secrets;
  world.machines[machine->id] = machine;
  world.event(*machine, "launch", "created", "user");
  wanted.launch ? launch(world, *machine) : settle(world, *machine);
  return machine;
}

State start_machine(World& world, Machine& machine) {
  refuse_gone(machine);
  refuse_start(world, machine);
  const State before = machine.state();
  if (before == State::started) return before;
  refuse_full_host(world, machine, "start");
  if (before == State::suspending) {
    cancel_suspend(world, machine);
    return before;
  }
  if (before == State::suspended && world.faults.strike("no_snapshot", place_of(machine)) != nullptr)
    drop_snapshot(world, machine);
  machine.requested_stop = false;
  machine.process ? resume(world, machine) : boot(world, machine);
  return before;
}

void stop_machine(World& world, Machine& machine, int signal, std::int64_t timeout_ms) {
  refuse_gone(machine);
  const State before = machine.state();
  if (before == State::stopped || before == State::stopping ||
      (before == State::created && !machine.launching))
    return;
  if (before == State::replacing || before == State::updating)
    throw precondition("machine getting replaced, refusing to stop");
  machine.launching = false;
  if (before == State::suspended) {
    drop_snapshot(world, machine);
    return come_to_rest(world, machine);
  }
  if (world.before_stop) world.before_stop(machine);
  machine.requested_stop = true;
  machine.set_state(State::stopping);
  world.event(machine, "stop", "stopping", "user");
  const auto end = [&world, signal, timeout_ms](Machine& awake) {
    end_process(world, awake, signal, timeout_ms, [&world](Machine& m) {
      after(world, m, "stop", world.delay(world.settings.stop), [&world](Machine& stopped) {
        stopped.requested_stop = false;
        come_to_rest(world, stopped);
        if (stopped.state() == State::stopped) world.event(stopped, "stop", "stopped");
      });
    });
  };
  const bool wakes = before == State::starting && machine.asleep_since_ms != 0;
  wakes ? wake(world, machine, end) : end(machine);
}

void suspend_machine(World& world, Machine& machine) {
  refuse_gone(machine);
  if (machine.state() == State::suspended || machine.state() == State::suspending) return;
  if (machine.state() != State::started)
    throw precondition("unable to suspend machine from current state: '" +
                       std::string(state_name(machine.state())) + "'");
  const json::object& config = machine.config();
  const auto* init = member(config, "init");
  if (guest_of(config).memory_mb > kSuspendLimitMb)
    throw precondition("unable to suspend machine with more than 2048 MiB of memory");
  if (init != nullptr && init->contains("swap_size_mb"))
    throw precondition("unable to suspend machine with swap");
  if (!text(config, "schedule").empty()) throw precondition("unable to suspend machine with a schedule");
  if (!machine.process) throw precondition("machine not running");
  if (world.before_stop) world.before_stop(machine);
  machine.set_state(State::suspending);
  world.event(machine, "suspend", "suspending", "user");
  machine.asleep_since_ms = unix_ms();
  machine.process->freeze([&world, weak = machine.weak_from_this()] {
    const auto frozen = weak.lock();
    if (!frozen || frozen->state() != State::suspending) return;
    after(world, *frozen, "suspend", world.delay(world.settings.suspend), [&world](Machine& m) {
      m.set_state(State::suspended);
      world.event(m, "suspend", "suspended");
    });
  });
}

void restart_machine(World& world, Machine& machine, int signal, std::int64_t timeout_ms) {
  refuse_gone(machine);
  if (machine.state() != State::started) {
    start_machine(world, machine);
    return;
  }
  if (world.before_stop) world.before_stop(machine);
  machine.requested_stop = true;
  machine.set_state(State::restarting);
  world.event(machine, "restart", "restarting", "user");
  end_process(world, machine, signal, timeout_ms, [&world](Machine& m) {
    after(world, m, "stop", world.delay(world.settings.stop),
          [&world](Machine& stopped) { boot(world, stopped); });
  });
}

void update_machine(World& world, Machine& machine, json::object config, Image image, bool launch_after) {
  refuse_gone(machine);
  const State before = machine.state();
  if (before == State::replacing || before == State::updating)
    throw api_error(409, "aborted: machine update failed due to concurrent update");
  refuse_full_host(world, machine, "update");
  const bool resting = before == State::stopped || before == State::suspended || before == State::failed ||
                       (before == State::created && !machine.launching);
  machine.versions.push_back({world.random.ulid(unix_ms()), std::move(config)});
  machine.image = std::move(image);
  machine.launching = false;
  machine.restart_count = 0;
  machine.requested_stop = true;
  if (before == State::suspended) drop_snapshot(world, machine);
  if (!resting && world.before_stop) world.before_stop(machine);
  machine.set_state(resting || before == State::created ? State::updating : State::replacing);
  world.event(machine, "update", state_name(machine.state()).data(), "user");
  const StopRule rule = stop_of(machine.config());
  end_process(
      world, machine, rule.signal, rule.timeout_ms, [&world, boots = !resting && launch_after](Machine& m) {
        after(world, m, "update", world.delay(world.settings.update), [&world, boots](Machine& updated) {
          updated.requested_stop = false;
          boots ? boot(world, updated) : updated.set_state(State::stopped);
        });
      });
}

void destroy_machine(World& world, Machine& machine, bool force) {
  const State state = machine.state();
  if (state == State::destroyed || state == State::destroying) {
    if (world.settings.second_delete == 404) throw machine_not_found();
    return;
  }
  const bool idle = state == State::stopped || state == State::suspended || state == State::created ||
                    state == State::failed || state == State::launch_failed;
  if (!idle && !force)
    throw precondition("unable to destroy machine, not currently stopped, suspended, failed or created");
  if (state == State::started && world.before_stop) world.before_stop(machine);
  machine.requested_stop = true;
  machine.launching = false;
  begin_removal(world, machine);
  end_process(world, machine, SIGKILL, 0, [&world](Machine& m) { remove(world, m); });
}

void signal_machine(World& world, Machine& machine, int signal) {
  (void)world;
  refuse_gone(machine);
  if (machine.state() != State::started || !machine.process) throw precondition("machine not running");
  machine.process->signal(signal);
}

void follow_host_faults(World& world) {
  for (const auto& [id, machine] : world.machines) {
    const bool gone = machine->live() && world.faults.standing("host_gone", place_of(*machine)) != nullptr;
    if (gone == machine->host_gone) continue;
    machine->host_gone = gone;
    if (!machine->process || machine->asleep_since_ms != 0) continue;
    gone ? machine->process->freeze([] {}) : machine->process->thaw(false, [] {});
  }
}

}  // namespace flame::fly
