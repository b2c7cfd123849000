// flame calls: this user's detached calls, and what has become of each.
#include <boost/json.hpp>
#include <map>

#include "base/text.hpp"
#include "base/unix_time.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/table.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_records.hpp"
#include "client/calls/held.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

enum Id { as_json, help };
constexpr OptionSpec kOptions[] = {{as_json, "json", 0, nullptr, "an array of objects"},
                                   {help, "help", 'h', nullptr, "this text"}};
constexpr milliseconds kPatience{2'000};  // for one runner

// One link to each runner, for all of its calls.
class Runners {
 public:
  // queued running, how it ended, lost (its runner is gone, or knows it no more), silent.
  std::string state_of(const client::CallRecord& record) {
    try {
      client::Link* const link = link_to(record);
      if (link == nullptr) return record.outcome.empty() ? silent_[key(record)] : record.outcome;
      const auto state = client::ask_held(*link, record.id, Deadline::in(kPatience));
      if (state.over()) return state.outcome;
      if (state.known()) return state.state;
      return record.outcome.empty() ? "lost" : record.outcome;
    } catch (const Error&) {
      return record.outcome.empty() ? "silent" : record.outcome;
    }
  }

 private:
  static std::string key(const client::CallRecord& record) {
    return record.place + "\n" + record.runner + "\n" + record.unix_path;
  }
  client::Link* link_to(const client::CallRecord& record) {
    const auto [at, is_new] = links_.try_emplace(key(record));
    if (!is_new) return at->second.get();
    try {
      at->second = client::reach(record, Deadline::in(kPatience));
    } catch (const Error& error) {
      silent_[key(record)] = error.kind == ErrorKind::lost ? "lost" : "silent";
    }
    return at->second.get();
  }

  std::map<std::string, std::unique_ptr<client::Link>> links_;
  std::map<std::string, std::string> silent_;  // why there is no link
};

std::string table_of(const std::vector<client::CallRecord>& records, Runners& runners) {
  Table table({"ID", "AGE", "STATE", "PLUGIN", "FUNCTION", "RUNNER"});
  for (const auto& record : records)
    table.add({client::call_id_text(record.id), human_duration(unix_age_ms(record.begun_at_ms)),
               runners.state_of(record), printable(record.plugin.substr(record.plugin.rfind('/') + 1)),
               printable(record.function), printable(record.runner)});
  return table.text();
}

std::string json_of(const std::vector<client::CallRecord>& records, Runners& runners) {
  json::array out;
  for (const auto& record : records)
    out.push_back({{"id", client::call_id_text(record.id)},
                   {"age_ms", unix_age_ms(record.begun_at_ms)},
                   {"state", runners.state_of(record)},
                   {"plugin", record.plugin},
                   {"function", record.function},
                   {"runner", record.runner},
                   {"pool", record.pool},
                   {"backend", record.backend}});
  return json::serialize(out) + "\n";
}

}  // namespace

const CommandSpec kCallsSpec = {
    "calls",      "this user's detached calls",
    "[OPTIONS]",  kOptions,
    {},           "States: queued, running, done, how it failed, lost (with its runner), silent.",
    "flame calls"};

int calls_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple(kCallsSpec, argc, argv);
  if (options.has("--help")) return print_help(help_text(kCallsSpec).c_str());
  if (!options.operands.empty()) throw usage_error(kCallsSpec, "takes no operands");
  const auto records = client::CallRecords().all();
  Runners runners;
  print(options.has("--json") ? json_of(records, runners) : table_of(records, runners));
  return 0;
}

}  // namespace flame::cli
