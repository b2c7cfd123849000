#include "cli/commands/map_options.hpp"

#include <getopt.h>

#include <array>
#include <cstdlib>

#include "base/text.hpp"

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
  enum { timeout = 256, item_timeout, pool, fresh, env, raw, quiet, from, to, tag, unordered, help };
  static constexpr std::array<option, 16> table = {{{"timeout", 1, nullptr, timeout},
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
        out.pool.name = optarg;
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
  return out;
}

}  // namespace flame::cli
