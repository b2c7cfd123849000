#include "cli/commands/run_options.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/text.hpp"
#include "cli/ui/report.hpp"

namespace flame::cli {
namespace {

enum Id {
  timeout,
  pool,
  guest,
  detach,
  fresh,
  env,
  no_stdin,
  raw,
  json_args,
  no_ship,
  with,
  dry_run,
  keep_crash,
  in_line,
  gdb,
  valgrind,
  verbose,
  quiet,
  json_errors,
  cause_fd,
  help_fn,
  help
};

constexpr OptionSpec kOptions[] = {
    {timeout, "timeout", 0, "DURATION", "one deadline for everything: 250ms, 30s, 5m"},
    {pool, "pool", 0, "NAME", "the pool to use; its settings stand in flame.toml", kWithNext},
    {guest, "guest", 0, "SIZE", "on a machine of this size: performance-4x",
     "of flame.toml; on a machine of this size"},
    {detach, "detach", 0, nullptr, "print the call's id once the runner has it; see flame wait", kWithNext},
    {fresh, "fresh", 0, nullptr, "a worker of its own for this call",
     "print an id, for flame wait; a worker of its own"},
    {env, "env", 0, "NAME[=VALUE]", "an environment variable for the call; repeatable"},
    {no_stdin, "no-stdin", 'n', nullptr, "never read stdin"},
    {raw, "raw", 0, nullptr, "print a string result without its quotes"},
    {json_args, "json-args", 0, nullptr, "the arguments are JSON values"},
    {with, "with", 0, "FILE", "send a library or data file along; repeatable", kWithNext},
    {no_ship, "no-ship", 0, nullptr, "fail when the runner lacks the plugin",
     "send a file along; never send"},
    {in_line, "inline", 0, nullptr, "in a worker of its own on this computer, without the pool", kWithNext},
    {gdb, "gdb", 0, nullptr, "so, and gdb stops it where the function begins", kWithNext},
    {valgrind, "valgrind", 0, nullptr, "so, under valgrind", "on this computer, without the pool"},
    {keep_crash, "keep-crash", 0, "DIR", "leave a crash there, for flame replay"},
    {dry_run, "dry-run", 0, nullptr, "check the plugin and say what would be called"},
    {verbose, "verbose", 'v', nullptr, "tell each phase with its time"},
    {quiet, "quiet", 'q', nullptr, "no logs and no progress of the function"},
    {json_errors, "json-errors", 0, nullptr, "errors as JSON on stderr", kWithNext},
    {cause_fd, "cause-fd", 0, "N", "write why the call ended badly to descriptor N",
     "errors as JSON on stderr; on a descriptor"},
    {help_fn, "help-function", 0, nullptr, "what FUNCTION takes and gives; nothing is run"},
    {help, "help", 'h', nullptr, "this text"},
};

void add_environment(RunOptions& options, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty()) throw usage_error(kRunSpec, "--env wants NAME or NAME=VALUE, got '" + text + "'");
  if (equals != std::string::npos)
    options.environment[name] = text.substr(equals + 1);
  else if (const char* value = std::getenv(name.c_str()))
    options.environment[name] = value;
}

void inspect(RunOptions& out, client::Inspector inspector) {
  if (out.inspector != client::Inspector::none && out.inspector != inspector)
    throw usage_error(kRunSpec, "--gdb and --valgrind exclude each other");
  out.is_inline = true;
  out.inspector = inspector;
}

// What is about the end of the call is for those who fetch it.
void check_detached(const RunOptions& options) {
  const char* other = options.is_inline ? "--inline" : options.raw ? "--raw" : nullptr;
  if (!options.keep_crash.empty()) other = "--keep-crash";
  if (other != nullptr)
    throw usage_error(kRunSpec, std::string("--detach and ") + other + " exclude each other" +
                                    (options.raw ? ": give it to flame wait" : ""));
}

void apply(RunOptions& out, int id, const char* value) {
  switch (static_cast<Id>(id)) {
    case timeout:
      out.deadline = deadline_option(kRunSpec, "--timeout", value);
      return;
    case pool:
      out.pool = value;
      return;
    case guest:
      out.guest = value;
      return;
    case detach:
      out.detach = true;
      return;
    case fresh:
      out.fresh = true;
      return;
    case env:
      return add_environment(out, value);
    case no_stdin:
      out.no_stdin = true;
      return;
    case raw:
      out.raw = true;
      return;
    case json_args:
      out.json_args = true;
      return;
    case no_ship:
      out.no_ship = true;
      return;
    case with:
      out.with.emplace_back(value);
      return;
    case keep_crash:
      out.keep_crash = value;
      return;
    case in_line:
      out.is_inline = true;
      return;
    case gdb:
      return inspect(out, client::Inspector::gdb);
    case valgrind:
      return inspect(out, client::Inspector::valgrind);
    case dry_run:
      out.dry_run = true;
      return;
    case verbose:
      out.verbose = true;
      return;
    case quiet:
      out.quiet = true;
      return;
    case json_errors:
      error_style().json = true;
      return;
    case cause_fd:
      error_style().cause_fd = descriptor_option(kRunSpec, "--cause-fd", value);
      return;
    case help_fn:
      out.help_function = true;
      return;
    case help:
      out.help = true;
  }
}

}  // namespace

const CommandSpec kRunSpec = {"run",
                              "run one function of a plugin and print its result",
                              "[OPTIONS] PLUGIN FUNCTION [ARGUMENT...]",
                              kOptions,
                              {},
                              "@FILE and - are bytes, image:/path a plugin there. Exit status: flame-run(1).",
                              "flame run math.so add 100 20"};

RunOptions parse_run_options(int argc, char** argv) {
  RunOptions out;
  bool has_timeout = false;
  OptionReader reader(kRunSpec, argc, argv);
  while (const OptionSpec* option = reader.next()) {
    apply(out, option->id, reader.value());
    has_timeout = has_timeout || option->id == timeout;
    if (out.help) return out;
  }
  const char* text = std::getenv("FLAME_TIMEOUT");
  if (!has_timeout && text != nullptr && *text != 0)
    out.deadline = deadline_option(kRunSpec, "FLAME_TIMEOUT", text);
  out.words_at = reader.index();
  if (out.detach) check_detached(out);
  if (out.is_inline && !out.guest.empty())
    throw usage_error(kRunSpec, "--inline and --guest exclude each other");
  // gdb reads the terminal.
  if (out.inspector == client::Inspector::gdb && ::isatty(STDIN_FILENO) == 1) out.no_stdin = true;
  if (argc - out.words_at < 2) throw usage_error(kRunSpec, "wants PLUGIN and FUNCTION");
  return out;
}

}  // namespace flame::cli
