#include <boost/json.hpp>
#include <string>

#include "base/error.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/preflight.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {
namespace {

constexpr const char* kHelp = R"(flame pool - the runners of a pool

Usage: flame pool status [--json] | warm | destroy [--yes]

  status    name, state, slots, busy and queued calls of each runner
  warm      start a runner before it is needed
  destroy   end the runners; calls that run are finished first

Example: flame pool warm && flame pool status
)";

int status(client::Pool& pool, bool as_json) {
  namespace json = boost::json;
  json::array runners;
  if (const auto link = pool.find_ready(Deadline::in(std::chrono::seconds(5)))) {
    const json::value hello = json::parse(link->hello());
    runners.push_back({{"name", hello.at("runner")},
                       {"state", "ready"},
                       {"slots", hello.at("slots")},
                       {"busy", hello.at("busy")},
                       {"queued", hello.at("queued")},
                       {"pid", hello.at("pid")},
                       {"address", {{"unix", pool.known().at(0).address.unix_path}}}});
  }
  if (as_json) {
    print(json::serialize(runners) + "\n");
    return 0;
  }
  std::string table = "NAME  STATE  SLOTS  BUSY  QUEUED\n";
  for (const auto& runner : runners)
    table += json::value_to<std::string>(runner.at("name")) + "  ready  " +
             json::serialize(runner.at("slots")) + "  " + json::serialize(runner.at("busy")) + "  " +
             json::serialize(runner.at("queued")) + "\n";
  print(table);
  return 0;
}

}  // namespace

int pool_command(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "--help";
  const std::string option = argc > 2 ? argv[2] : "";
  if (verb == "--help") return print_help(kHelp);
  const bool known = (verb == "status" && (option.empty() || option == "--json")) ||
                     (verb == "warm" && option.empty()) ||
                     (verb == "destroy" && (option.empty() || option == "--yes"));
  if (!known || argc > 3)
    throw Error(ErrorKind::usage, "pool: unknown words '" + verb + (option.empty() ? "" : " " + option) + "'",
                "try 'flame pool --help'");
  client::Pool pool{client::PoolSettings()};
  if (verb == "status") return status(pool, option == "--json");
  if (verb == "warm")
    client::record_hello(pool.settings().name, pool.settings().backend, pool.find(Deadline())->hello());
  if (verb == "destroy")
    for (const auto& machine : pool.list(Deadline()))
      pool.destroy(machine.name, Deadline::in(std::chrono::seconds(20)));
  return 0;
}

}  // namespace flame::cli
