#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <deque>

#include <boost/json.hpp>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/help_function.hpp"
#include "cli/ui/report.hpp"
#include "client/call.hpp"
#include "client/crash/explain.hpp"
#include "client/plugin/plugin_file.hpp"
#include "client/plugin/preflight.hpp"
#include "client/pool/pool.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

constexpr const char* kHelp = R"(flame run - run one function of a plugin and print its result

Usage: flame run [OPTIONS] PLUGIN FUNCTION [ARGUMENT...]

  --timeout DURATION   one deadline for everything: 250ms, 30s, 5m; a number is seconds
  --pool NAME          the pool to use (default: default)
  --fresh              a worker of its own for this call
  --env NAME[=VALUE]   an environment variable for the call; may be repeated
  -n, --no-stdin       never read stdin
  --raw                print a string result without its quotes
  --json-args          the arguments are JSON values
  --dry-run            check the plugin and say what would be called
  --quiet              no logs of the function
  --json-errors        errors as JSON on stderr
  --cause-fd N         write why the call ended badly to descriptor N
  --help-function      what the FUNCTION of the PLUGIN takes and gives, and nothing is run
  --help               this text

A bytes parameter takes @FILE, or - for stdin; @@x is the word @x.
Exit status: 0 done; 1-123 the function's own; 124 deadline; 125 flame or the engine; 126 the
plugin cannot be loaded; 127 no such plugin or function; 128+N died of signal N.

Example: flame run math.so add 100 20
)";

struct RunOptions {
  client::PoolSettings pool;
  Deadline deadline;
  std::map<std::string, std::string> environment;
  bool fresh = false, no_stdin = false, raw = false, json_args = false, dry_run = false, quiet = false,
       help = false, help_function = false;
};

Error usage(const std::string& why) {
  return Error(ErrorKind::usage, "run: " + why, "try 'flame run --help'");
}

Deadline deadline_from(const std::string& text) {
  const auto ms = parse_duration_ms(text);
  if (!ms) throw usage("--timeout wants a duration such as 250ms, 30s or 5m, got '" + text + "'");
  return Deadline::from_remaining_ms(*ms);
}

void add_environment(RunOptions& options, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty()) throw usage("--env wants NAME or NAME=VALUE, got '" + text + "'");
  if (equals != std::string::npos)
    options.environment[name] = text.substr(equals + 1);
  else if (const char* value = std::getenv(name.c_str()))
    options.environment[name] = value;
}

int number_from(const std::string& text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw usage("--cause-fd wants a number, got '" + text + "'");
  return value;
}

RunOptions parse(int argc, char** argv) {
  enum {
    timeout = 256,
    pool,
    fresh,
    env,
    raw,
    json_args,
    dry_run,
    quiet,
    json_errors,
    cause_fd,
    help_fn,
    help
  };
  static constexpr std::array<option, 14> table = {{{"timeout", 1, nullptr, timeout},
                                                    {"pool", 1, nullptr, pool},
                                                    {"fresh", 0, nullptr, fresh},
                                                    {"env", 1, nullptr, env},
                                                    {"no-stdin", 0, nullptr, 'n'},
                                                    {"raw", 0, nullptr, raw},
                                                    {"json-args", 0, nullptr, json_args},
                                                    {"dry-run", 0, nullptr, dry_run},
                                                    {"quiet", 0, nullptr, quiet},
                                                    {"json-errors", 0, nullptr, json_errors},
                                                    {"cause-fd", 1, nullptr, cause_fd},
                                                    {"help-function", 0, nullptr, help_fn},
                                                    {"help", 0, nullptr, help},
                                                    {nullptr, 0, nullptr, 0}}};
  RunOptions out;
  if (const char* text = std::getenv("FLAME_TIMEOUT")) out.deadline = deadline_from(text);
  ::opterr = 0;
  // "+": the first operand ends the options; every word after the function is the function's.
  for (int c; (c = ::getopt_long(argc, argv, "+:n", table.data(), nullptr)) != -1;) {
    switch (c) {
      case timeout:
        out.deadline = deadline_from(optarg);
        break;
      case pool:
        out.pool.name = optarg;
        break;
      case fresh:
        out.fresh = true;
        break;
      case env:
        add_environment(out, optarg);
        break;
      case 'n':
        out.no_stdin = true;
        break;
      case raw:
        out.raw = true;
        break;
      case json_args:
        out.json_args = true;
        break;
      case dry_run:
        out.dry_run = true;
        break;
      case quiet:
        out.quiet = true;
        break;
      case json_errors:
        error_style().json = true;
        break;
      case cause_fd:
        error_style().cause_fd = number_from(optarg);
        break;
      case help_fn:
        out.help_function = true;
        break;
      case help:
        out.help = true;
        return out;
      default: {
        const std::string word = argv[optind - 1];
        std::vector<std::string> names;
        for (const option& known : table)
          if (known.name != nullptr) names.push_back("--" + std::string(known.name));
        if (c == ':') throw usage("option '" + word + "' wants a value");
        const auto near = nearest(word, names);
        throw Error(ErrorKind::usage, "run: unknown option '" + word + "'",
                    near ? "did you mean '" + *near + "'?" : "try 'flame run --help'");
      }
    }
  }
  return out;
}

volatile sig_atomic_t interrupts = 0;

void on_interrupt(int) {
  interrupts = interrupts + 1;
  if (interrupts > 1) ::_exit(130);  // asked twice: leave at once
}

// Words to arguments: files and stdin are opened for bytes parameters.
std::vector<client::CallArgument> arguments_from(int count, char** words,
                                                 const client::ManifestFunction* function,
                                                 const RunOptions& options, std::deque<UniqueFd>& files,
                                                 bool& stdin_used) {
  std::optional<wire::Signature> signature;
  if (function != nullptr) signature = wire::parse_signature(function->signature);
  std::vector<client::CallArgument> out;
  for (int i = 0; i < count; ++i) {
    const std::string word = words[i];
    const auto at = static_cast<std::size_t>(i);
    const bool bytes = signature && at < signature->parameters.size() &&
                       signature->parameters[at].type.kind == wire::Kind::bytes;
    client::CallArgument argument;
    argument.value = word;
    if (options.json_args) {
      argument.kind = wire::ArgumentKind::json;
    } else if (word.starts_with("@@")) {
      argument.value = word.substr(1);
    } else if ((bytes || !signature) && word.starts_with("@") && word.size() > 1) {
      argument.kind = wire::ArgumentKind::bytes;
      argument.fd = files.emplace_back(open_file(word.substr(1), O_RDONLY | O_NOCTTY)).get();
    } else if (bytes && word == "-") {
      if (options.no_stdin || stdin_used) throw usage("'-' cannot be used here: stdin is taken or forbidden");
      argument.kind = wire::ArgumentKind::bytes;
      argument.fd = STDIN_FILENO;
      stdin_used = true;
    }
    out.push_back(std::move(argument));
  }
  return out;
}

void print_log(std::string_view level, std::string_view text) {
  if (level == "stdout" || level == "stderr") {
    write_all(STDERR_FILENO, printable(text, true));
    return;
  }
  write_all(STDERR_FILENO, std::string(level) + ": " + printable(text) + "\n");
}

int run_it(const RunOptions& options, int count, char** words) {
  const client::PluginFile plugin = client::read_plugin(words[0]);
  const client::ManifestFunction* function = plugin.find(words[1]);
  std::deque<UniqueFd> files;
  bool stdin_used = false;
  client::Invocation call;
  call.path = plugin.path;
  call.sha256 = plugin.sha256;
  call.function = words[1];
  call.environment = options.environment;
  call.fresh = options.fresh;
  call.deadline = options.deadline;
  call.arguments = arguments_from(count - 2, words + 2, function, options, files, stdin_used);
  if (function != nullptr && function->streaming() && !options.no_stdin && !stdin_used)
    call.input_fd = STDIN_FILENO;
  if (options.dry_run) {
    print("would call " + call.function + " of " + call.path + " (sha256 " + call.sha256 + ") in pool " +
          options.pool.name + "\n");
    return 0;
  }

  client::CallEvents events;
  std::string raw_text;  // --raw: a string is unquoted when it is whole
  events.on_output = print;
  events.on_result = [&](std::string_view piece, std::uint8_t flags) {
    const bool last = (flags & wire::flag::more) == 0;
    if (options.raw && (flags & wire::flag::bytes) == 0) {
      raw_text += piece;
      if (!last) return;
      const auto value = boost::json::parse(raw_text.empty() ? "null" : raw_text);
      if (value.is_string()) raw_text = boost::json::value_to<std::string>(value);
      print(raw_text);
    } else {
      print(piece);
    }
    if (last && (flags & (wire::flag::bytes | wire::flag::none)) == 0) print("\n");
  };
  events.on_log = [&](std::string_view level, std::string_view text) {
    if (!options.quiet) print_log(level, text);
  };
  events.interrupted = [] { return interrupts > 0; };

  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  client::Pool pool(options.pool);
  client::Pool::Watch watch;
  watch.before_boot = [&] { client::preflight(plugin, options.pool.name, pool.generation()); };
  const auto link = pool.find(options.deadline, watch);
  try {
    client::run_call(*link, call, events);
  } catch (Error& error) {
    client::explain_crash(error, call.path);
    throw;
  }
  return 0;
}

}  // namespace

int run_command(int argc, char** argv) {
  const RunOptions options = parse(argc, argv);
  if (options.help) return print_help(kHelp);
  // Behind the plugin too, for there it is thought of; no function can have such a name.
  const bool behind = argc - optind == 3 && std::string_view(argv[optind + 1]) == "--help-function";
  if (options.help_function && argc - optind >= 2) return help_function(argv[optind], argv[optind + 1]);
  if (behind) return help_function(argv[optind], argv[optind + 2]);
  if (argc - optind < 2) throw usage("wants PLUGIN and FUNCTION");
  return run_it(options, argc - optind, argv + optind);
}

}  // namespace flame::cli
