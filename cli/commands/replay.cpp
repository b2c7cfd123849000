#include <unistd.h>

#include <cstdlib>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/run_call.hpp"
#include "cli/ui/report.hpp"
#include "client/crash/crash_file.hpp"

namespace flame::cli {
namespace {

enum Id { gdb, valgrind, plugin, force, env, timeout, raw, verbose, quiet, help };

constexpr OptionSpec kOptions[] = {
    {gdb, "gdb", 0, nullptr, "gdb stops it where the function begins"},
    {valgrind, "valgrind", 0, nullptr, "under valgrind"},
    {plugin, "plugin", 0, "FILE", "the plugin, where it is not at its old path"},
    {force, "force", 0, nullptr, "with a plugin of other bytes, too, and with half an input"},
    {env, "env", 0, "NAME=VALUE", "an environment variable for the call; repeatable"},
    {timeout, "timeout", 0, "DURATION", "one deadline for everything"},
    {raw, "raw", 0, nullptr, "print a string result without its quotes"},
    {verbose, "verbose", 'v', nullptr, "tell each phase with its time"},
    {quiet, "quiet", 'q', nullptr, "no logs, no remarks"},
    {help, "help", 'h', nullptr, "this text"},
};

struct Options {
  RunOptions run;
  std::string plugin, file;
  bool force = false;
};

void set_variable(RunOptions& run, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    throw usage_error(kReplaySpec, "--env wants NAME=VALUE, got '" + text + "'");
  run.environment[text.substr(0, equals)] = text.substr(equals + 1);
}

void apply(Options& out, int id, const char* value) {
  switch (static_cast<Id>(id)) {
    case gdb:
      out.run.inspector = client::Inspector::gdb;
      return;
    case valgrind:
      out.run.inspector = client::Inspector::valgrind;
      return;
    case plugin:
      out.plugin = value;
      return;
    case force:
      out.force = true;
      return;
    case env:
      return set_variable(out.run, value);
    case timeout: {
      const auto ms = parse_duration_ms(value);
      if (!ms) throw usage_error(kReplaySpec, "--timeout wants a duration such as 30s");
      out.run.deadline = Deadline::from_remaining_ms(*ms);
      return;
    }
    case raw:
      out.run.raw = true;
      return;
    case verbose:
      out.run.verbose = true;
      return;
    case quiet:
      out.run.quiet = true;
      return;
    case help:
      out.run.help = true;
  }
}

Options parse(int argc, char** argv) {
  Options out;
  out.run.is_inline = true;
  OptionReader reader(kReplaySpec, argc, argv);
  for (;;) {
    if (const OptionSpec* option = reader.next()) {
      apply(out, option->id, reader.value());
    } else if (const char* word = reader.operand()) {
      if (!out.file.empty()) throw usage_error(kReplaySpec, "wants one CRASH-FILE");
      out.file = word;
    } else {
      break;
    }
  }
  if (out.file.empty() && !out.run.help) throw usage_error(kReplaySpec, "wants a CRASH-FILE");
  return out;
}

void refuse(const Options& options, const std::string& why, const std::string& hint) {
  if (!options.force) throw Error(ErrorKind::config, why, hint);
  if (!options.run.quiet) write_all(STDERR_FILENO, "flame: " + printable(why) + "\n");
}

void check_same(const Options& options, const Target& target, const client::CrashFile& crash) {
  const char* hint = "give the one that crashed by --plugin FILE, or --force to take this one";
  if (crash.sha256.empty())
    refuse(options, "the crash does not tell the bytes of its plugin", hint);
  else if (target.sha256 != crash.sha256)
    refuse(options,
           "'" + target.path + "' has other bytes than the plugin that crashed (sha256 " + crash.sha256 + ")",
           hint);
  else if (target.supply.files_json() != crash.files)
    refuse(options, "the files that travel with '" + target.path + "' are others than they were", hint);
  if (!crash.whole)
    refuse(options, "the call crashed before all of its input was read, and only that much is kept",
           "--force calls it with what there is");
}

Target find_target(const Options& options, const client::CrashFile& crash) {
  try {
    return target_of(options.run, options.plugin.empty() ? crash.plugin : options.plugin, crash.function);
  } catch (Error& error) {
    if (error.kind == ErrorKind::plugin_missing && options.plugin.empty())
      error.hint = "give a copy of the one that crashed by --plugin FILE";
    throw;
  }
}

// Values are not kept: they may be secrets.
void take_environment(RunOptions& run, const client::CrashFile& crash) {
  for (const std::string& name : crash.environment) {
    if (run.environment.contains(name)) continue;
    if (const char* value = std::getenv(name.c_str()))
      run.environment[name] = value;
    else if (!run.quiet)
      write_all(STDERR_FILENO, "flame: the call that crashed had " + printable(name) +
                                   " in its environment, which is not set here\n");
  }
}

void replay(Options& options) {
  PhaseTimes times;
  client::CrashFile crash = client::CrashFile::read(options.file);
  options.run.with = crash.with;
  if (!options.run.quiet) write_all(STDERR_FILENO, "flame: replaying: " + printable(crash.reason) + "\n");
  Target target = find_target(options, crash);
  check_same(options, target, crash);
  take_environment(options.run, crash);
  const client::Config config = client::load_config(std::nullopt);
  client::Invocation call;
  call.path = target.path;
  call.sha256 = target.sha256;
  call.files = target.supply.files_json();
  call.function = crash.function;
  call.arguments = crash.arguments;
  call.input = crash.input;
  call.environment = options.run.environment;
  call.phases = options.run.verbose || options.run.inspector == client::Inspector::gdb;
  call.deadline = options.run.deadline;
  make_call(options.run, target, config, call, times, [&crash] {
    for (auto& source : crash.sources) source.rewind();
  });
}

}  // namespace

const CommandSpec kReplaySpec = {"replay",
                                 "run a call that crashed again, on this computer",
                                 "[OPTIONS] CRASH-FILE",
                                 kOptions,
                                 {},
                                 "CRASH-FILE is what flame run --keep-crash DIR left.\n"
                                 "Exit status: flame-run(1).",
                                 "flame replay --gdb crashes/math-add-20261125T120000Z-47.crash"};

int replay_command(int argc, char** argv) {
  Options options = parse(argc, argv);
  if (options.run.help) return print_help(help_text(kReplaySpec).c_str());
  replay(options);
  return 0;
}

}  // namespace flame::cli
