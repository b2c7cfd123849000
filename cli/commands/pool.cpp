#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pool_gc.hpp"
#include "cli/commands/pool_keep.hpp"
#include "cli/commands/pool_options.hpp"
#include "cli/commands/pool_status.hpp"
#include "cli/commands/pool_top.hpp"
#include "cli/ui/confirm.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/status_line.hpp"
#include "client/config/config.hpp"
#include "client/image/ask_image.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
using Machines = std::vector<client::Machine>;

int status(client::Pool& pool, const PoolOptions& options) {
  json::array runners;
  for (const client::Machine& machine : pool.list(options.deadline))
    runners.push_back(runner_status(pool, machine, options.deadline));
  print(options.json ? json::serialize(runners) + "\n" : status_table(runners));
  return 0;
}

client::Pool::Watch watch_with(StatusLine& line) {
  client::Pool::Watch watch;
  watch.on_note = [&line](const std::string& note) {
    line.clear();
    write_all(STDERR_FILENO, "flame: " + printable(note) + "\n");
  };
  watch.on_ready = [&line](std::uint64_t ready, std::uint64_t size) {
    line.say(std::to_string(ready) + " of " + std::to_string(size) + " runners ready");
  };
  return watch;
}

bool is_current(const client::Pool& pool, const client::Machine& machine) {
  return machine.generation == pool.generation() && machine.state != "stopping";
}

// The engine must have such machines, and the pool must keep them.
void check_keeps(client::Pool& pool, const PoolOptions& options) {
  const std::string ability = options.keep == "stopped" ? "start" : "suspend";
  if (!pool.engine_can(ability, options.deadline))
    throw Error(ErrorKind::usage,
                "the engine '" + pool.settings().backend + "' keeps no " + options.keep + " runners");
  const std::string& engine = pool.settings().engine_settings;
  if (options.keep == "stopped" && engine.find(R"("when_idle":"stop")") == engine.npos)
    throw Error(ErrorKind::config,
                "a runner of the pool '" + pool.settings().name + "' is gone when it stops",
                "when_idle = \"stop\" in flame.toml keeps its machine");
}

// Returns when the engine lists no machine that is so; throws `late` at the deadline. list_by: of each list.
template <class Is>
void until_none(client::Pool& pool, Deadline deadline, Deadline list_by, Is is, const Error& late) {
  for (;;) {
    const Machines now = pool.list(list_by);
    if (std::none_of(now.begin(), now.end(), is)) return;
    if (deadline.passed()) throw Error(late);
    ::usleep(20'000);
  }
}

// Runners that were tried and then put to rest. Those that have calls are left to them.
void warm_resting(client::Pool& pool, const PoolOptions& options, std::uint64_t size,
                  const client::Pool::Watch& watch) {
  check_keeps(pool, options);
  std::vector<std::string> there;
  std::vector<std::string> rest;
  for (const client::Machine& machine : pool.list(options.deadline)) {
    if (!is_current(pool, machine)) continue;
    there.push_back(machine.name);
    if (is_idle(runner_status(pool, machine, options.deadline))) rest.push_back(machine.name);
  }
  if (there.size() < size) {
    const auto made = pool.boot_more(size - there.size(), there, options.deadline, watch);
    rest.insert(rest.end(), made.begin(), made.end());
  }
  pool.change_all(options.keep == "stopped" ? "stop" : "suspend", rest, options.deadline);
  if (options.dry_run) return;
  const auto awake = [&](const client::Machine& machine) {
    return (machine.state == "started" || machine.state == "stopping") &&
           std::find(rest.begin(), rest.end(), machine.name) != rest.end();
  };
  until_none(pool, options.deadline, options.deadline, awake,
             Error(ErrorKind::timed_out, "the deadline passed before the runners were " + options.keep));
}

void warm(client::Pool& pool, const PoolOptions& options) {
  StatusLine line(false);
  const client::Pool::Watch watch = watch_with(line);
  const std::uint64_t size = options.size.value_or(std::max<std::uint64_t>(1, pool.settings().min));
  if (!options.keep.empty() && options.keep != "started") return warm_resting(pool, options, size, watch);
  pool.warm(size, options.deadline, watch);
  if (options.dry_run) return;
  // What its image offers is known from now on, for the checks before a boot.
  client::record_image(pool, options.deadline);
}

// Prices of those that are ended, for --dry-run.
double price_of(const Machines& machines, const std::vector<std::string>& names) {
  double out = 0;
  for (const client::Machine& machine : machines)
    if (std::find(names.begin(), names.end(), machine.name) != names.end()) out += machine.price_per_second;
  return out;
}

double cool(client::Pool& pool, const PoolOptions& options) {
  const Machines machines = pool.list(options.deadline);
  std::vector<std::string> names;
  for (const client::Machine& machine : machines)
    if (machines.size() - names.size() > pool.settings().min &&
        is_idle(runner_status(pool, machine, options.deadline)))
      names.push_back(machine.name);
  pool.change_all("stop", names, options.deadline);
  return price_of(machines, names);
}

bool is_wanted(const client::Pool& pool, const PoolOptions& options, const client::Machine& machine) {
  if (!options.generation) return true;
  if (*options.generation == "old") return machine.generation != pool.generation();
  return machine.generation.starts_with(*options.generation);
}

double drain(client::Pool& pool, const PoolOptions& options) {
  const Machines machines = pool.list(options.deadline);
  std::vector<std::string> names;
  for (const client::Machine& machine : machines)
    if (machine.state == "started" && is_wanted(pool, options, machine)) names.push_back(machine.name);
  pool.change_all("stop", names, options.deadline);
  const auto present = [&](const client::Machine& one) {
    return (one.state == "started" || one.state == "stopping") && is_wanted(pool, options, one);
  };
  if (options.wait && !options.dry_run)
    until_none(pool, options.deadline, Deadline(), present,
               Error(ErrorKind::timed_out, "the deadline passed and runners still have calls",
                     "they take no more and leave by themselves; 'flame pool destroy' ends them"));
  return price_of(machines, names);
}

double destroy(client::Pool& pool, const PoolOptions& options) {
  const Machines machines = pool.list(options.deadline);
  std::vector<std::string> names, started;
  for (const client::Machine& machine : machines) {
    names.push_back(machine.name);
    if (machine.state == "started") started.push_back(machine.name);
  }
  const std::string what = std::to_string(names.size()) + (names.size() == 1 ? " runner" : " runners");
  if (!options.dry_run && !options.yes && !names.empty() &&
      !confirmed("Destroy " + what + "? Calls that run have 5 s to finish."))
    throw Error(ErrorKind::usage, "nothing was destroyed", "answer y, or give --yes");
  // Told to all first, so that their grace runs at the same time.
  pool.change_all("stop", started, options.deadline);
  // Logs of those that are gone go too; they are on this computer.
  if (pool.settings().backend == "local" && !options.dry_run)
    for (const std::string& name : pool.names())
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  pool.change_all("destroy", names, options.deadline);
  return price_of(machines, names);
}

void logs(client::Pool& pool, const PoolOptions& options) {
  std::vector<std::string> names;
  for (const client::Machine& machine : pool.list(options.deadline)) names.push_back(machine.name);
  if (!options.name.empty()) names = {options.name};
  if (names.empty()) names = {pool.names().front()};  // the log of one that has left may be there
  for (const std::string& name : names) {
    std::string text = printable(pool.logs(name, options.lines.value_or(0), options.deadline), true);
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    print((names.size() > 1 ? "==> " + name + " <==\n" : "") + text);
  }
}

}  // namespace

int pool_command(int argc, char** argv) {
  const PoolOptions options = parse_pool_options(argc, argv);
  if (options.help) return print_help(help_text(kPoolSpec).c_str());
  if (options.verb == "keep") return keep_pool(options);
  if (options.verb == "top") return watch_pool(options);
  client::Pool pool(pool_settings(options));
  if (options.dry_run)
    pool.only_plan([](const std::string& request) { print(printable(request, true) + "\n"); });
  double saved = 0;
  if (options.verb == "status") return status(pool, options);
  if (options.verb == "logs") logs(pool, options);
  if (options.verb == "warm") warm(pool, options);
  if (options.verb == "cool") saved = cool(pool, options);
  if (options.verb == "drain") saved = drain(pool, options);
  if (options.verb == "destroy") saved = destroy(pool, options);
  if (options.verb == "gc") saved = collect_garbage(pool, options);
  if (options.dry_run) print("price: " + hourly(pool.planned_usd_per_second() - saved) + "\n");
  return 0;
}

}  // namespace flame::cli
