#include "cli/commands/map_options.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/text.hpp"
#include "client/config/config.hpp"

namespace flame::cli {
namespace {

using client::ItemFormat;
using client::ResultFormat;

Deadline deadline_from(const std::string& text) {
  const auto ms = parse_duration_ms(text);
  if (!ms) throw map_usage("--timeout wants a duration such as 250ms, 30s or 5m, got '" + text + "'");
  return Deadline::from_remaining_ms(*ms);
}

template <class Value>
Value one_of(const char* option, const std::string& word,
             std::initializer_list<std::pair<const char*, Value>> values) {
  std::string all;
  for (const auto& [name, value] : values) {
    if (word == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  throw map_usage(std::string(option) + " wants one of " + all + ", got '" + word + "'");
}

std::uint32_t count_from(const char* option, const std::string& text, std::uint32_t least) {
  std::uint32_t value = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (why != std::errc() || end != text.data() + text.size() || value < least)
    throw map_usage(std::string(option) + " wants a number of at least " + std::to_string(least) + ", got '" +
                    text + "'");
  return value;
}

double cost_from(const std::string& text) {
  double value = 0;
  const auto [end, why] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (why != std::errc() || end != text.data() + text.size() || !(value > 0))
    throw map_usage("--max-cost wants an amount such as 0.50, got '" + text + "'");
  return value;
}

void add_environment(MapOptions& options, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty()) throw map_usage("--env wants NAME or NAME=VALUE, got '" + text + "'");
  if (equals != std::string::npos)
    options.task.environment[name] = text.substr(equals + 1);
  else if (const char* value = std::getenv(name.c_str()))
    options.task.environment[name] = value;
}

}  // namespace

Error map_usage(const std::string& why) {
  return Error(ErrorKind::usage, "map: " + why, "try 'flame map --help'");
}

MapOptions parse_map_options(int argc, char** argv) {
  enum {
    timeout = 256,
    item_timeout,
    pool,
    fresh,
    env,
    raw,
    quiet,
    from,
    to,
    tag,
    unordered,
    results,
    joblog,
    resume,
    retry_failed,
    retries,
    halt,
    trace,
    summary,
    no_progress,
    max_cost,
    max_runners,
    min_runners,
    help
  };
  static constexpr std::array<option, 28> table = {{{"timeout", 1, nullptr, timeout},
                                                    {"item-timeout", 1, nullptr, item_timeout},
                                                    {"pool", 1, nullptr, pool},
                                                    {"fresh", 0, nullptr, fresh},
                                                    {"env", 1, nullptr, env},
                                                    {"raw", 0, nullptr, raw},
                                                    {"quiet", 0, nullptr, quiet},
                                                    {"from", 1, nullptr, from},
                                                    {"to", 1, nullptr, to},
                                                    {"tag", 0, nullptr, tag},
                                                    {"unordered", 0, nullptr, unordered},
                                                    {"results", 1, nullptr, results},
                                                    {"joblog", 1, nullptr, joblog},
                                                    {"resume", 0, nullptr, resume},
                                                    {"retry-failed", 0, nullptr, retry_failed},
                                                    {"retries", 1, nullptr, retries},
                                                    {"halt", 1, nullptr, halt},
                                                    {"trace", 1, nullptr, trace},
                                                    {"summary", 0, nullptr, summary},
                                                    {"no-progress", 0, nullptr, no_progress},
                                                    {"max-cost", 1, nullptr, max_cost},
                                                    {"max-runners", 1, nullptr, max_runners},
                                                    {"min-runners", 1, nullptr, min_runners},
                                                    {"null", 0, nullptr, '0'},
                                                    {"arg-file", 1, nullptr, 'a'},
                                                    {"replace", 1, nullptr, 'I'},
                                                    {"help", 0, nullptr, help},
                                                    {nullptr, 0, nullptr, 0}}};
  MapOptions out;
  if (const char* text = std::getenv("FLAME_TIMEOUT")) out.settings.deadline = deadline_from(text);
  ::opterr = 0;
  for (int c; (c = ::getopt_long(argc, argv, "+:0a:I:", table.data(), nullptr)) != -1;) {
    switch (c) {
      case timeout:
        out.settings.deadline = deadline_from(optarg);
        break;
      case item_timeout: {
        const auto ms = parse_duration_ms(optarg);
        if (!ms || *ms == 0)
          throw map_usage("--item-timeout wants a duration, got '" + std::string(optarg) + "'");
        out.settings.item_timeout_ms = *ms;
        break;
      }
      case pool:
        out.pool_name = optarg;
        break;
      case fresh:
        out.task.fresh = true;
        break;
      case env:
        add_environment(out, optarg);
        break;
      case raw:
        out.settings.to = ResultFormat::raw;
        break;
      case quiet:
        out.quiet = true;
        break;
      case from:
        out.settings.from = one_of<ItemFormat>("--from", optarg,
                                               {{"lines", ItemFormat::lines},
                                                {"json", ItemFormat::json},
                                                {"csv", ItemFormat::csv},
                                                {"files", ItemFormat::files}});
        break;
      case to:
        out.settings.to = one_of<ResultFormat>("--to", optarg,
                                               {{"json", ResultFormat::records}, {"raw", ResultFormat::raw}});
        break;
      case tag:
        out.settings.tag = true;
        break;
      case unordered:
        out.settings.ordered = false;
        break;
      case '0':
        out.settings.terminator = '\0';
        break;
      case 'a':
        out.input_path = optarg;
        break;
      case 'I':
        out.settings.token = optarg;
        if (out.settings.token.empty()) throw map_usage("-I wants a word that is not empty");
        break;
      case results:
        out.settings.results_dir = optarg;
        break;
      case joblog:
        out.settings.joblog = optarg;
        break;
      case resume:
        out.settings.resume = true;
        break;
      case retry_failed:
        out.settings.resume = out.settings.retry_failed = true;
        break;
      case retries:
        out.settings.retries = count_from("--retries", optarg, 0);
        break;
      case halt: {
        const auto policy = client::parse_halt(optarg);
        if (!policy)
          throw map_usage("--halt wants now,fail=N or soon,fail=N, N a number or a percentage, got '" +
                          std::string(optarg) + "'");
        out.settings.halt = *policy;
        break;
      }
      case trace:
        out.settings.trace = optarg;
        break;
      case summary:
        out.summary = true;
        break;
      case no_progress:
        out.no_progress = true;
        break;
      case max_cost:
        out.settings.cost_max = cost_from(optarg);
        out.settings.want_cost = true;
        break;
      case max_runners:
        out.runners_max = count_from("--max-runners", optarg, 1);
        break;
      case min_runners:
        out.settings.runners_min = count_from("--min-runners", optarg, 0);
        break;
      case help:
        out.help = true;
        return out;
      default: {
        const std::string word = argv[optind - 1];
        std::vector<std::string> names;
        for (const option& known : table)
          if (known.name != nullptr) names.push_back("--" + std::string(known.name));
        if (c == ':') throw map_usage("option '" + word + "' wants a value");
        const auto near = nearest(word, names);
        throw Error(ErrorKind::usage, "map: unknown option '" + word + "'",
                    near ? "did you mean '" + *near + "'?" : "try 'flame map --help'");
      }
    }
  }
  out.operands = optind;
  if (argc - optind < 2) throw map_usage("wants PLUGIN and FUNCTION");
  if (out.settings.resume && out.settings.joblog.empty())
    throw map_usage("--resume and --retry-failed go on from a job log: say which by --joblog FILE");
  return out;
}

void choose_pool(MapOptions& options) {
  options.pool = client::load_config(options.pool_name).pool;
  if (options.runners_max) options.pool.max = *options.runners_max;
  options.pool.max = std::max<std::uint64_t>(options.pool.max, options.settings.runners_min);
  for (const std::string& name : options.pool.env)
    if (const char* value = std::getenv(name.c_str())) options.task.environment.emplace(name, value);
}

}  // namespace flame::cli
