#include "cli/commands/map_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/text.hpp"
#include "client/config/config.hpp"
#include "client/pool/guest.hpp"

namespace flame::cli {
namespace {

using client::ItemFormat;
using client::ResultFormat;

enum Id {
  null,
  from,
  arg_file,
  replace,
  unordered,
  raw,
  tag,
  to,
  results,
  joblog,
  resume,
  retry_failed,
  retries,
  halt,
  timeout,
  item_timeout,
  max_runners,
  min_runners,
  max_cost,
  cost_per_hour,
  pool,
  guest,
  summary,
  trace,
  no_progress,
  verbose,
  quiet,
  fresh,
  env,
  with,
  no_ship,
  help
};

constexpr OptionSpec kOptions[] = {
    {null, "null", '0', nullptr, "items and results end with NUL"},
    {from, "from", 0, "FORMAT", "lines, json, csv (with a header), files (their names)"},
    {arg_file, "arg-file", 'a', "FILE", "read the items from FILE"},
    {replace, "replace", 'I', "TOKEN", "put the item where TOKEN is"},
    {unordered, "unordered", 0, nullptr, "print results as they come, not in input order"},
    {raw, "raw", 0, nullptr, "print string results without their quotes", kWithNext},
    {tag, "tag", 0, nullptr, "print the item, a tab, the result", kWithNext},
    {to, "to", 0, "FORMAT", "raw, or json: a record for each item",
     "no quotes; ITEM, tab, result; json: records"},
    {results, "results", 0, "DIR", "write each result to a file of its own"},
    {joblog, "joblog", 0, "FILE", "note each item that is over", kWithNext},
    {resume, "resume", 0, nullptr, "skip what the job log says is over", kWithNext},
    {retry_failed, "retry-failed", 0, nullptr, "as --resume, but run again what has failed",
     "note what is over; go on after it"},
    {retries, "retries", 0, "N", "run a failed item up to N times more", kWithNext},
    {halt, "halt", 0, "WHEN", "stop early: now,fail=N or soon,fail=N, N a number or N%",
     "try again; stop early: now|soon,fail=N|N%"},
    {timeout, "timeout", 0, "DURATION", "one deadline for everything", kWithNext},
    {item_timeout, "item-timeout", 0, "DURATION", "a deadline for each call", "for all; for each"},
    {max_runners, "max-runners", 0, "N", "so many runners at the most", kWithNext},
    {min_runners, "min-runners", 0, "N", "boot so many at once", kWithNext},
    {guest, "guest", 0, "SIZE", "machines of this size", "how many to use; how large"},
    {max_cost, "max-cost", 0, "USD", "stop when the runners have cost so much", kWithNext},
    {cost_per_hour, "max-cost-per-hour", 0, "USD", "boot no more than that", "what it may cost"},
    {summary, "summary", 0, nullptr, "say at the end what was done", kWithNext},
    {trace, "trace", 0, "FILE", "write a Chrome trace", kWithNext},
    {no_progress, "no-progress", 0, nullptr, "no progress block", "what to tell"},
    {verbose, "verbose", 'v', nullptr, "tell why runners are booted, or not", kWithNext},
    {quiet, "quiet", 'q', nullptr, "no progress, summary or logs", "why runners are booted; nothing"},
    {pool, "pool", 0, "NAME", "the pool to use", kWithNext},
    {fresh, "fresh", 0, nullptr, "a worker of its own for each call", kWithNext},
    {env, "env", 0, "NAME[=VALUE]", "an environment variable for the calls; repeatable", kWithNext},
    {with, "with", 0, "FILE", "a file that travels with the plugin; repeatable", kWithNext},
    {no_ship, "no-ship", 0, nullptr, "never send the plugin to a runner that lacks it", "as in run"},
    {help, "help", 'h', nullptr, "this text"},
};

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

double cost_from(const char* option, const std::string& text) {
  double value = 0;
  const auto [end, why] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (why != std::errc() || end != text.data() + text.size() || !(value > 0))
    throw map_usage(std::string(option) + " wants an amount such as 0.50, got '" + text + "'");
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

const CommandSpec kMapSpec = {
    "map",
    "run a function on every item of an input",
    "[OPTIONS] PLUGIN FUNCTION [ARGUMENT...] <ITEMS",
    kOptions,
    {},
    "An item is the last argument of its call. Exit status and signals: flame-map(1).",
    "seq 1 1000 | flame map math.so is_prime"};

Error map_usage(const std::string& why) { return usage_error(kMapSpec, why); }

MapOptions parse_map_options(int argc, char** argv) {
  MapOptions out;
  if (const char* text = std::getenv("FLAME_TIMEOUT")) out.settings.deadline = deadline_from(text);
  OptionReader reader(kMapSpec, argc, argv);
  while (const OptionSpec* option = reader.next()) {
    const char* value = reader.value();
    switch (static_cast<Id>(option->id)) {
      case timeout:
        out.settings.deadline = deadline_from(value);
        break;
      case item_timeout: {
        const auto ms = parse_duration_ms(value);
        if (!ms || *ms == 0)
          throw map_usage("--item-timeout wants a duration, got '" + std::string(value) + "'");
        out.settings.item_timeout_ms = *ms;
        break;
      }
      case pool:
        out.pool_name = value;
        break;
      case guest:
        out.guest = value;
        break;
      case fresh:
        out.task.fresh = true;
        break;
      case env:
        add_environment(out, value);
        break;
      case raw:
        out.settings.to = ResultFormat::raw;
        break;
      case quiet:
        out.quiet = true;
        break;
      case from:
        out.settings.from = one_of<ItemFormat>("--from", value,
                                               {{"lines", ItemFormat::lines},
                                                {"json", ItemFormat::json},
                                                {"csv", ItemFormat::csv},
                                                {"files", ItemFormat::files}});
        break;
      case to:
        out.settings.to = one_of<ResultFormat>("--to", value,
                                               {{"json", ResultFormat::records}, {"raw", ResultFormat::raw}});
        break;
      case tag:
        out.settings.tag = true;
        break;
      case unordered:
        out.settings.ordered = false;
        break;
      case null:
        out.settings.terminator = '\0';
        break;
      case arg_file:
        out.input_path = value;
        break;
      case replace:
        out.settings.token = value;
        if (out.settings.token.empty()) throw map_usage("-I wants a word that is not empty");
        break;
      case results:
        out.settings.results_dir = value;
        break;
      case joblog:
        out.settings.joblog = value;
        break;
      case resume:
        out.settings.resume = true;
        break;
      case retry_failed:
        out.settings.resume = out.settings.retry_failed = true;
        break;
      case retries:
        out.settings.retries = count_from("--retries", value, 0);
        break;
      case halt: {
        const auto policy = client::parse_halt(value);
        if (!policy)
          throw map_usage("--halt wants now,fail=N or soon,fail=N, N a number or a percentage, got '" +
                          std::string(value) + "'");
        out.settings.halt = *policy;
        break;
      }
      case trace:
        out.settings.trace = value;
        break;
      case verbose:
        out.verbose = true;
        break;
      case summary:
        out.summary = true;
        break;
      case no_progress:
        out.no_progress = true;
        break;
      case max_cost:
        out.settings.cost_max = cost_from("--max-cost", value);
        out.settings.want_cost = true;
        break;
      case cost_per_hour:
        out.cost_per_hour_max = cost_from("--max-cost-per-hour", value);
        break;
      case max_runners:
        out.runners_max = count_from("--max-runners", value, 1);
        break;
      case min_runners:
        out.settings.runners_min = count_from("--min-runners", value, 0);
        break;
      case with:
        out.with.emplace_back(value);
        break;
      case no_ship:
        out.no_ship = true;
        break;
      case help:
        out.help = true;
        return out;
    }
  }
  out.operands = reader.index();
  if (argc - out.operands < 2) throw map_usage("wants PLUGIN and FUNCTION");
  if (out.settings.resume && out.settings.joblog.empty())
    throw map_usage("--resume and --retry-failed go on from a job log: say which by --joblog FILE");
  return out;
}

void choose_pool(MapOptions& options) {
  options.pool =
      client::pool_for_guest(client::load_config(options.pool_name).pool, options.guest, options.wish);
  if (options.cost_per_hour_max) options.pool.max_cost_per_hour = *options.cost_per_hour_max;
  options.settings.want_cost = options.settings.want_cost || options.pool.max_cost_per_hour > 0;
  if (options.runners_max) options.pool.max = *options.runners_max;
  options.pool.max = std::max<std::uint64_t>(options.pool.max, options.settings.runners_min);
  if (!options.pool.oom_ladder.empty()) {
    options.settings.ladder.emplace(options.pool, options.task.path, options.task.function);
    options.pool = options.settings.ladder->settings();
  }
  for (const std::string& name : options.pool.env)
    if (const char* value = std::getenv(name.c_str())) options.task.environment.emplace(name, value);
}

}  // namespace flame::cli
