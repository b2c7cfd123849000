// flame explain [ID]: where the time of a call went, and what would shorten it.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "base/text.hpp"
#include "base/unix_time.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/table.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_log.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
using client::LoggedCall;
using client::Phase;

enum Id { list, as_json, help };
constexpr OptionSpec kOptions[] = {
    {list, "list", 0, nullptr, "the last 20 calls, the newest first"},
    {as_json, "json", 0, nullptr, "an object, or with --list an array of them"},
    {help, "help", 'h', nullptr, "this text"}};
constexpr std::size_t kListed = 20;

// What a phase is, and what one can do about it.
struct Advice {
  const char* what;
  const char* shorter;
};
constexpr Advice kAdvice[client::kPhaseCount] = {
    {"looking for a runner", "flame config tells which flame.toml is read"},
    {"the engine was asked for a machine",
     "a runner that is there costs none: flame pool warm, or min in flame.toml with flame pool keep"},
    {"the machine started, until its hello",
     "a runner that is there costs none: flame pool warm, or min in flame.toml; a suspended one starts "
     "faster: flame pool warm --suspended"},
    {"connecting, until the hello", "a region that is nearer (regions in flame.toml)"},
    {"the plugin was sent",
     "put it into the image, where plugin_dirs finds it; it is sent once to each runner"},
    {"arguments and input were sent",
     "smaller arguments, or a region that is nearer; a stream takes as long as what is read"},
    {"waiting for a slot", "more runners (max) or more slots in flame.toml"},
    {"the plugin was loaded",
     "fewer libraries and constructors; without --fresh a worker keeps what it loaded"},
    {"the function ran", "a greater guest in flame.toml, or its parts at the same time with flame map"},
    {"the result was read", "a smaller result, or a reader of flame's output that is faster"},
};

std::string ms_text(std::uint64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(us) / 1000);
  return text;
}

std::string outcome_of(const LoggedCall& call) {
  if (call.error) return std::string(error_kind_name(*call.error));
  return call.detached && !call.measured ? "detached" : "done";
}

// Without the runner's own times, "run" is all between the last byte sent and the first received.
const char* what_of(const LoggedCall& call, Phase phase) {
  if (phase == Phase::run && !call.measured) return "waiting, loading and running";
  if (phase == Phase::receive && call.detached) return "the runner said that it has the call";
  return kAdvice[static_cast<std::size_t>(phase)].what;
}

const char* shorter_with(const LoggedCall& call, Phase phase) {
  if (phase == Phase::run && !call.measured)
    return "flame run --verbose tells waiting, loading and running apart";
  return kAdvice[static_cast<std::size_t>(phase)].shorter;
}

Phase slowest_of(const LoggedCall& call) {
  return static_cast<Phase>(std::max_element(call.phase_us.begin(), call.phase_us.end()) -
                            call.phase_us.begin());
}

std::string text_of(const LoggedCall& call) {
  std::string out = "call " + client::call_id_text(call.id) + ": " + printable(call.function) + " of " +
                    printable(call.plugin) + ", " + outcome_of(call) + ", " +
                    human_duration(unix_age_ms(call.begun_at_ms)) + " ago" +
                    (call.runner.empty() ? "" : ", on " + printable(call.runner)) + "\n\n";
  Table table({"PHASE", "MS", ""});
  const Phase slowest = slowest_of(call);
  for (std::size_t i = 0; i < client::kPhaseCount; ++i)
    if (const auto phase = static_cast<Phase>(i); call.us(phase) != 0)
      table.add({std::string(client::phase_name(phase)), ms_text(call.us(phase)),
                 std::string(what_of(call, phase)) + (phase == slowest ? "  <- the slowest" : "")});
  table.add({"total", ms_text(call.total_us), call.detached ? "until the runner had the call" : ""});
  out += table.text();
  if (call.measured)
    out += "\ncpu " + ms_text(call.cpu_us) + " ms, peak memory " + std::to_string(call.peak_bytes / 1024) +
           " KiB\n";
  return out + "\nto shorten " + std::string(client::phase_name(slowest)) + ": " +
         shorter_with(call, slowest) + "\n";
}

json::object json_of(const LoggedCall& call) {
  json::object phases;
  for (std::size_t i = 0; i < client::kPhaseCount; ++i)
    if (call.phase_us[i] != 0)
      phases[client::phase_name(static_cast<Phase>(i))] = static_cast<double>(call.phase_us[i]) / 1000;
  const Phase slowest = slowest_of(call);
  return {{"id", client::call_id_text(call.id)},
          {"age_ms", unix_age_ms(call.begun_at_ms)},
          {"plugin", call.plugin},
          {"function", call.function},
          {"pool", call.pool},
          {"runner", call.runner},
          {"outcome", outcome_of(call)},
          {"detached", call.detached},
          {"measured", call.measured},
          {"phases_ms", phases},
          {"total_ms", static_cast<double>(call.total_us) / 1000},
          {"cpu_ms", static_cast<double>(call.cpu_us) / 1000},
          {"peak_bytes", call.peak_bytes},
          {"slowest", client::phase_name(slowest)},
          {"shorter_with", shorter_with(call, slowest)}};
}

int list_calls(const std::vector<LoggedCall>& calls, bool wants_json) {
  Table table({"ID", "AGE", "TOTAL", "OUTCOME", "PLUGIN", "FUNCTION"});
  json::array out;
  for (auto call = calls.rbegin(); call != calls.rend() && out.size() < kListed; ++call) {
    out.push_back(json_of(*call));
    table.add({client::call_id_text(call->id), human_duration(unix_age_ms(call->begun_at_ms)),
               ms_text(call->total_us) + " ms", outcome_of(*call), printable(call->plugin),
               printable(call->function)});
  }
  print(wants_json ? json::serialize(out) + "\n" : table.text());
  return 0;
}

const LoggedCall& find(const std::vector<LoggedCall>& calls, const std::string& text) {
  if (text.empty() && !calls.empty()) return calls.back();
  if (text.empty()) throw Error(ErrorKind::usage, "no call is remembered yet", "flame run makes one");
  const auto prefix = client::read_call_id_prefix(text);
  if (!prefix)
    throw Error(ErrorKind::usage, "'" + text + "' is no call id",
                "flame explain --list tells those of your last calls");
  const LoggedCall* found = nullptr;
  for (const LoggedCall& call : calls) {
    if (!client::call_id_text(call.id).starts_with(*prefix)) continue;
    if (found != nullptr)
      throw Error(ErrorKind::usage, "'" + text + "' is how the ids of several calls begin",
                  "give more of it");
    found = &call;
  }
  if (found == nullptr)
    throw Error(ErrorKind::usage, "'" + text + "' is none of your last calls",
                "flame explain --list tells them");
  return *found;
}

}  // namespace

const CommandSpec kExplainSpec = {
    "explain", "where the time of a call went, and what would shorten it",     "[OPTIONS] [ID]", kOptions,
    {},        "Without ID: the last call of flame run. ID may be cut short.", "flame explain"};

int explain_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple(kExplainSpec, argc, argv);
  if (options.has("--help")) return print_help(help_text(kExplainSpec).c_str());
  if (options.operands.size() > 1 || (options.has("--list") && !options.operands.empty()))
    throw usage_error(kExplainSpec, "wants one call id at most");
  const auto calls = client::logged_calls();
  if (options.has("--list")) return list_calls(calls, options.has("--json"));
  const LoggedCall& call = find(calls, options.operands.empty() ? "" : options.operands.front());
  print(options.has("--json") ? json::serialize(json_of(call)) + "\n" : text_of(call));
  return 0;
}

}  // namespace flame::cli
