#include "cli/commands/pool_gc.hpp"

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands/pool_status.hpp"
#include "cli/ui/confirm.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/table.hpp"
#include "client/pool/left_behind.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

struct Left {
  client::Machine machine;
  std::string why;
};

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
  const auto generations = client::pool_generations();
  std::vector<Left> left;
  double cost = 0, kept = 0;
  std::uint64_t count = 0;
  for (client::Machine& machine : pool.list_all(options.deadline)) {
    ++count;
    std::string why = client::why_left_behind(pool, machine, generations);
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
