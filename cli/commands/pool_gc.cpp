#include "cli/commands/pool_gc.hpp"

#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands/pool_status.hpp"
#include "cli/ui/confirm.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/table.hpp"
#include "client/config/config.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

struct Left {
  client::Machine machine;
  std::string why;
};

// What the flame.toml here says that each pool's runners are made from.
std::map<std::string, std::string> generations() {
  std::map<std::string, std::string> out;
  for (const std::string& name : client::pool_names())
    out[name] = client::Pool(client::load_config(name).pool).generation();
  return out;
}

bool nobody_listens(client::Pool& pool, const client::Machine& machine) {
  try {
    (void)pool.connect({machine.name, machine.address, machine.generation}, Deadline::in(milliseconds(2000)));
  } catch (const Error& error) {
    // A host that cannot be reached from here tells nothing of the runner on it.
    return error.kind == ErrorKind::unreachable && error.message.ends_with(errno_text(ECONNREFUSED));
  }
  return false;
}

std::uint64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

// Empty: it is in order, or nothing here can tell.
std::string why_left(client::Pool& pool, const client::Machine& machine,
                     const std::map<std::string, std::string>& current) {
  if (machine.state == "failed") return "the engine says that it failed";
  const auto known = current.find(machine.pool);
  const bool resting = machine.state == "stopped" || machine.state == "suspended";
  if (resting && known != current.end() && machine.generation != known->second)
    return "of other settings: nothing starts it again";
  const bool old_enough = now_ms() > machine.created_at_ms + pool.settings().boot_timeout_ms;
  if (machine.state == "started" && machine.address.known() && old_enough && nobody_listens(pool, machine))
    return "no runner answers on it";
  return {};
}

void show(const std::vector<Left>& all, const PoolOptions& options) {
  Table table({"NAME", "POOL", "STATE", "COST", "WHY"});
  json::array objects;
  for (const auto& [machine, why] : all) {
    table.add({printable(machine.name), printable(machine.pool), machine.state,
               hourly(machine.price_per_second), why});
    objects.push_back({{"name", machine.name},
                       {"pool", machine.pool},
                       {"state", machine.state},
                       {"generation", machine.generation},
                       {"price_per_second", machine.price_per_second},
                       {"why", why}});
  }
  if (options.json)
    print(json::serialize(objects) + "\n");
  else if (!all.empty())
    print(table.text());
}

}  // namespace

double collect_garbage(client::Pool& pool, const PoolOptions& options) {
  const auto current = generations();
  std::vector<Left> left;
  double cost = 0, kept = 0;
  std::uint64_t count = 0;
  for (client::Machine& machine : pool.list_all(options.deadline)) {
    ++count;
    std::string why = why_left(pool, machine, current);
    (why.empty() ? kept : cost) += machine.price_per_second;
    if (!why.empty()) left.push_back({std::move(machine), std::move(why)});
  }
  show(left, options);
  if (!options.json && !options.dry_run)
    print(std::to_string(left.size()) + " left behind, " + hourly(cost) + "; " +
          std::to_string(count - left.size()) + " in order, " + hourly(kept) + "\n");
  if (!options.dry_run && !options.yes && !left.empty() &&
      !confirmed("Destroy " + std::to_string(left.size()) + (left.size() == 1 ? " machine?" : " machines?")))
    throw Error(ErrorKind::usage, "nothing was destroyed", "answer y, or give --yes");
  for (const auto& [machine, why] : left) pool.destroy_in(machine.pool, machine.name, options.deadline);
  return cost;
}

}  // namespace flame::cli
