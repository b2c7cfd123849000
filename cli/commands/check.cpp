#include <sys/stat.h>

#include <boost/json.hpp>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/check_run.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "client/config/config.hpp"
#include "client/image/ask_image.hpp"
#include "client/plugin/check.hpp"
#include "client/plugin/image_scan.hpp"
#include "client/plugin/limits.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
using client::CheckReport;
using client::ImageFacts;

constexpr OptionSpec kOptions[] = {
    {0, "against", 0, "WHAT", "what it should load on"},
    {0, "json", 0, nullptr, "the findings, as one JSON object"},
    {0, "bases", 0, nullptr, "list the base images that flame knows"},
    {0, "run", 0, nullptr, "call its functions; do they keep the ABI's rules?"},
    {0, "only", 0, "PATTERN", "run: of these cases only, such as 'add/*'"},
    {0, "cases", 0, nullptr, "list the cases of --run"},
    {0, "repeats", 0, "N", "run: calls that look for growth (default: 10000)"},
    {0, "case-timeout", 0, "DURATION", "run: for a call, or all repeats (default: 10s)"},
    {0, "help", 'h', nullptr, "this text"},
};

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
}

constexpr std::chrono::seconds kPatience{10};  // for a runner that is there

// A runner that is ready is asked itself: name is that of a pool, or its own. None is booted.
std::optional<ImageFacts> facts_of_runner(const std::string& name) {
  for (const std::string& pool_name : client::pool_names()) {
    client::Pool pool(client::load_config(pool_name).pool);
    for (const client::Runner& runner : pool.known())
      if (runner.name == name || pool_name == name)
        return client::facts_of(pool, runner, Deadline::in(kPatience));
  }
  return std::nullopt;
}

ImageFacts facts_for(const SimpleOptions& options) {
  const std::string what = options.value("--against");
  if (!options.has("--against")) {
    const auto recorded = client::recorded_facts("default");
    return recorded ? *recorded : client::scan_image("/");
  }
  if (const auto base = client::base_facts(what)) return *base;
  if (is_file(what)) {
    ImageFacts facts = client::parse_facts(read_file(what, client::kFactsMaxBytes));
    if (facts.source.empty()) facts.source = what;
    return facts;
  }
  if (auto recorded = client::recorded_facts(what); recorded && recorded->complete) return *recorded;
  if (const auto runner = facts_of_runner(what)) return *runner;
  if (const auto recorded = client::recorded_facts(what)) return *recorded;
  std::vector<std::string> names = client::base_names();
  const auto near = nearest(what, names);
  throw Error(
      ErrorKind::usage,
      "check: '" + what + "' is no file of facts, no known base image, and no pool or runner that is known",
      near ? "did you mean '" + *near + "'?" : "list the base images with 'flame check --bases'");
}

std::string text_of(const CheckReport& report, const std::string& plugin, const ImageFacts& facts) {
  std::string out;
  for (const auto& path : report.beside) out += "travels along: " + path + "\n";
  for (const auto& one : report.findings) {
    out += (one.fatal ? "" : "warning: ") + one.what + "; " + one.why + ".\n";
    out += "  Fix: " + one.fix + ".\n";
  }
  if (!report.fatal()) out += plugin + " will load on " + facts.source + "\n";
  return printable(out, true);
}

json::value json_of(const CheckReport& report, const std::string& plugin, const ImageFacts& facts) {
  json::array findings, beside;
  const auto text = [](const std::string& value) { return json::string(printable(value)); };
  for (const auto& one : report.findings)
    findings.push_back({{"code", one.code},
                        {"what", text(one.what)},
                        {"why", text(one.why)},
                        {"fix", text(one.fix)},
                        {"fatal", one.fatal}});
  for (const auto& path : report.beside) beside.push_back(text(path));
  return {{"plugin", text(plugin)},
          {"against", text(facts.source)},
          {"loads", !report.fatal()},
          {"findings", findings},
          {"beside", beside}};
}

int list_bases() {
  std::string out;
  for (const auto& name : client::base_names()) out += name + "\n";
  print(out);
  return 0;
}

}  // namespace

const CommandSpec kCheckSpec = {
    "check",
    "whether a plugin will load there, before anything is paid for",
    "[OPTIONS] PLUGIN",
    kOptions,
    {},
    "WHAT is a file of 'flame image-facts', a base image (debian:12), a pool or one\n"
    "of its runners; by default what is recorded of the default pool, else this\n"
    "computer. Exit status: 0 it will load, or all cases pass; 126 not so, and each\n"
    "line says why; 125 flame or its arguments; 127 no such file.",
    "flame check --against debian:12 math.so"};

int check_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple(kCheckSpec, argc, argv);
  if (options.has("--help")) return print_help(help_text(kCheckSpec).c_str());
  if (options.has("--bases")) return list_bases();
  if (options.operands.size() != 1) throw usage_error(kCheckSpec, "wants one PLUGIN");
  client::OpenPlugin plugin = client::open_plugin(options.operands[0]);
  if (options.has("--cases")) return list_cases(plugin);
  if (options.has("--run")) return check_run(plugin, options);
  const ImageFacts facts = facts_for(options);
  CheckReport report = client::check_plugin(plugin, facts);
  client::check_worker(report, facts);
  print(options.has("--json") ? json::serialize(json_of(report, plugin.path, facts)) + "\n"
                              : text_of(report, options.operands[0], facts));
  return report.fatal() ? 126 : 0;
}

}  // namespace flame::cli
