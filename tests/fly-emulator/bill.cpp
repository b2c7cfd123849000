#include "bill.hpp"

#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

constexpr double kRootfsUsdPerGbSecond = 0.15 / (30.0 * 24 * 3600);

struct Line {
  double seconds = 0, running_usd = 0, resting_usd = 0;
};

Line line_of(const World& world, const Machine& machine, std::int64_t now) {
  Line line;
  for (const Run& run : machine.runs) {
    const std::int64_t ms = (run.until_ms == 0 ? now : run.until_ms) - run.from_ms;
    const auto seconds = static_cast<double>((ms + 999) / 1000);  // a begun second counts
    line.seconds += seconds;
    line.running_usd += seconds * usd_per_second(run.guest, machine.region);
  }
  std::int64_t rested_ms = machine.rested_ms;
  if (machine.state() == State::stopped || machine.state() == State::suspended)
    rested_ms += now - machine.rest_since_ms;
  line.resting_usd = static_cast<double>(rested_ms) / 1000 * kRootfsUsdPerGbSecond *
                     static_cast<double>(world.settings.rootfs_mb) / 1024;
  return line;
}

}  // namespace

json::object bill(const World& world) {
  json::array machines;
  Line total;
  const std::int64_t now = unix_ms();
  const auto add = [&](const Machine& machine) {
    const Line line = line_of(world, machine, now);
    const Guest guest = guest_of(machine.config());
    total.seconds += line.seconds;
    total.running_usd += line.running_usd;
    total.resting_usd += line.resting_usd;
    machines.push_back(json::object{{"id", machine.id},
                                    {"name", machine.name},
                                    {"app", machine.app},
                                    {"region", machine.region},
                                    {"guest", guest.cpu_kind + " " + std::to_string(guest.cpus) + "x " +
                                                  std::to_string(guest.memory_mb) + " MB"},
                                    {"state", state_name(machine.state())},
                                    {"created_at_ms", machine.created_at_ms},
                                    {"destroyed_at_ms", machine.destroyed_at_ms},
                                    {"usd_per_second", usd_per_second(guest, machine.region)},
                                    {"started_seconds", line.seconds},
                                    {"running_usd", line.running_usd},
                                    {"resting_usd", line.resting_usd}});
  };
  for (const auto& [id, machine] : world.machines) add(*machine);
  for (const MachinePtr& machine : world.forgotten) add(*machine);
  return {{"currency", "USD"},
          {"total_usd", total.running_usd + total.resting_usd},
          {"running_usd", total.running_usd},
          {"resting_usd", total.resting_usd},
          {"started_seconds", total.seconds},
          {"machines", std::move(machines)}};
}

}  // namespace flame::fly
