#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/map_options.hpp"
#include "cli/ui/report.hpp"
#include "client/map/format.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::cli {
namespace {

constexpr const char* kHelp = R"(flame map - run a function on every item of an input

Usage: flame map [OPTIONS] PLUGIN FUNCTION [ARGUMENT...] <ITEMS

Items are lines; each becomes the last argument of a call. Results come in input order.

  -0, --null              items end with NUL, and so do results
  --from FORMAT           lines, json (a value a line), csv (with a header), files (names of files)
  -a, --arg-file FILE     read the items from FILE
  -I, --replace TOKEN     put the item where TOKEN is
  --unordered             print results as they come
  --raw                   print string results without their quotes
  --tag                   print ITEM, a tab, and the result
  --to json               print a record for each item: seq, item, result or error, ms, runner
  --timeout DURATION      one deadline for everything
  --item-timeout DURATION a deadline for each call
  --pool NAME             the pool to use (default: default)
  --fresh                 a worker of its own for each call
  --env NAME[=VALUE]      an environment variable for the calls
  --quiet                 no logs of the function
  --help                  this text

Exit status: 0 all done; 123 some items failed; 2 wrong usage; 124 deadline; 125 flame or the
engine; 126 the plugin cannot be loaded; 127 no such plugin or function.

Example: seq 1 1000 | flame map math.so is_prime
)";

volatile sig_atomic_t interrupts = 0;
int interrupt_pipe[2] = {-1, -1};

void on_interrupt(int) {
  interrupts = interrupts + 1;
  if (interrupts > 2) ::_exit(130);  // the third time: leave at once
  const int kept = errno;
  (void)!::write(interrupt_pipe[1], "", 1);
  errno = kept;
}

void watch_signals() {
  if (::pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0) throw system_error("cannot make a pipe", errno);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // seen as EPIPE, so that remote work is stopped too
}

void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void fill_task(MapOptions& options, int count, char** words) {
  client::MapTask& task = options.task;
  const client::PluginFile plugin = client::read_plugin(words[0]);
  task.path = plugin.path;
  task.sha256 = plugin.sha256;
  task.function = words[1];
  if (const client::ManifestFunction* function = plugin.find(task.function)) {
    task.signature = wire::parse_signature(function->signature);
    task.streaming = function->streaming();
    task.idempotent = (" " + function->flags + " ").find(" idempotent ") != std::string::npos;
  }
  for (int i = 2; i < count; ++i) task.fixed.push_back({wire::ArgumentKind::word, words[i], -1});
}

int run_it(MapOptions options, int count, char** words) {
  fill_task(options, count, words);
  UniqueFd input;
  if (!options.input_path.empty()) {
    input = open_file(options.input_path, O_RDONLY | O_NOCTTY);
    options.settings.input_fd = input.get();
  }
  watch_signals();
  client::MapEvents events;
  events.interrupts = [] { return static_cast<int>(interrupts); };
  events.interrupt_fd = interrupt_pipe[0];
  events.on_failed = [](const client::Item& item) {
    write_all(STDERR_FILENO, "flame: item " + std::to_string(item.number) + " '" +
                                 client::shown_item(item.text) + "': " + printable(item.error->message) +
                                 "\n");
  };
  events.on_log = [&](std::string_view level, std::string_view text) {
    if (!options.quiet) write_all(STDERR_FILENO, std::string(level) + ": " + printable(text) + "\n");
  };
  client::Pool pool(options.pool);
  const client::MapOutcome outcome = client::run_map(pool, options.task, options.settings, events);
  if (outcome.end == client::MapEnd::reader_gone) die_of(SIGPIPE);
  if (outcome.end == client::MapEnd::interrupted) die_of(SIGINT);
  return outcome.counts.failed > 0 ? 123 : 0;
}

}  // namespace

int map_command(int argc, char** argv) {
  try {
    const MapOptions options = parse_map_options(argc, argv);
    if (options.help) return print_help(kHelp);
    return run_it(options, argc - options.operands, argv + options.operands);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::usage) throw;
    report(error);
    return 2;
  }
}

}  // namespace flame::cli
