#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/map_options.hpp"
#include "cli/ui/map_summary.hpp"
#include "cli/ui/plugin_change.hpp"
#include "cli/ui/progress.hpp"
#include "cli/ui/report.hpp"
#include "client/crash/explain.hpp"
#include "client/link/farewell.hpp"
#include "client/map/format.hpp"
#include "client/plugin/preflight.hpp"

namespace flame::cli {
namespace {

using client::MapEnd;

volatile sig_atomic_t interrupts = 0, last_signal = 0;
std::array<int, 2> interrupt_pipe = {-1, -1};
const std::string* last_words = nullptr;  // of the third interrupt, made beforehand

void on_signal(int signal) {
  last_signal = signal;
  interrupts = interrupts + 1;
  if (signal != SIGINT && interrupts == 1)
    interrupts = 2;  // whoever ends us does not want to wait for what runs
  if (interrupts > 2) {
    client::say_farewell();
    (void)!::write(STDERR_FILENO, last_words->data(), last_words->size());
    ::_exit(128 + signal);
  }
  const int kept = errno;
  (void)!::write(interrupt_pipe[1], "", 1);
  errno = kept;
}

void watch_signals() {
  if (::pipe2(interrupt_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw system_error("cannot make a pipe", errno);
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (signal != SIGHUP || before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // nohup
  }
  ::signal(SIGPIPE, SIG_IGN);  // seen as EPIPE, so that remote work is stopped too
}

// What woke the loop for them is taken first: an interrupt that comes behind it wakes it again.
int count_interrupts() {
  std::array<char, 16> dropped;
  while (interrupts > 0 && ::read(interrupt_pipe[0], dropped.data(), dropped.size()) > 0) {
  }
  return interrupts;
}

// A link to each runner: as many as the machine allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

std::string shell_quoted(const std::string& word) {
  if (!word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                              "_-+=./:,@%") == std::string::npos)
    return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string resume_hint(const MapOptions& options, int argc, char** argv) {
  if (options.settings.joblog.empty())
    return "hint: with --joblog FILE a later run could go on from here by --resume\n";
  std::string line = "hint: go on with: flame map";
  if (!options.settings.resume) line += " --resume";
  for (int i = 1; i < argc; ++i) line += " " + shell_quoted(argv[i]);
  return line + "\n";
}

constexpr std::size_t kExplainedMax = 3;  // crashes; those that follow are mostly the same

// Whatever is written to the terminal goes between two drawings of the block.
class Screen {
 public:
  Screen(const MapOptions& options, std::string hint)
      : options_(options), hint_(std::move(hint)), block_(!options.quiet && !options.no_progress) {}

  void line(const std::string& text) {
    block_.clear();
    write_all(STDERR_FILENO, text);
  }
  void failed(const client::Item& item) {
    const Error& error = *item.error;
    const bool unknown = error.fate == Fate::unknown;
    line("flame: item " + std::to_string(item.number) + " '" + client::shown_item(item.text) +
         "': " + printable(error.message) + (unknown ? " (it may have begun)" : "") + "\n");
    if (!error.crash.empty() && crashes_.size() < kExplainedMax) crashes_.emplace_back(item.number, error);
  }
  void interrupted(int times) {
    if (times == 1)
      line("flame: stopping: what runs is finished first; Ctrl-C again cancels it\n" + hint_);
    else
      line("flame: cancelling what runs; Ctrl-C again leaves at once\n" + hint_);
  }

  client::MapEvents events() {
    client::MapEvents out;
    out.interrupts = count_interrupts;
    out.interrupt_fd = interrupt_pipe[0];
    out.on_interrupted = [this](int times) { interrupted(times); };
    out.exit_status = exit_status;
    out.on_failed = [this](const client::Item& item) { failed(item); };
    out.on_log = [this](std::string_view level, std::string_view text) {
      if (!options_.quiet) line(printable(level) + ": " + printable(text) + "\n");
    };
    out.on_notice = [this](const std::string& text) {
      if (!options_.quiet) line("flame: " + printable(text) + "\n");
    };
    if (options_.verbose)
      out.on_decision = [this](const std::string& text) { line("flame: " + printable(text) + "\n"); };
    if (block_.on()) {
      out.on_progress = [this](const client::MapProgress& progress) { block_.draw(progress); };
      out.progress_every = milliseconds(200);
      if (::isatty(STDOUT_FILENO) == 1) out.before_output = [this] { block_.clear(); };
    }
    return out;
  }
  // What takes its time is said when the work is done.
  void tell_rest() {
    block_.clear();
    for (auto& [number, error] : crashes_) tell_crash(number, error);
    crashes_.clear();
    if (options_.task.supply && !options_.quiet)
      tell_change(options_.task.path, options_.task.supply->change(), "it ran", "every item");
  }
  void end(const client::MapOutcome& outcome) {
    tell_rest();
    const bool terminal = block_.on();
    if (options_.summary || (terminal && !options_.quiet)) line(map_summary(outcome));
  }

 private:
  void tell_crash(std::uint64_t item, Error& error) {
    client::explain_crash(error, options_.task.path);
    if (error.contexts.empty()) return;
    std::string text = "flame: item " + std::to_string(item) + ", where it crashed:\n";
    for (const std::string& context : error.contexts) text += "  " + printable(context) + "\n";
    write_all(STDERR_FILENO, text);
  }
  const MapOptions& options_;
  std::string hint_;
  ProgressBlock block_;
  std::vector<std::pair<std::uint64_t, Error>> crashes_;  // the first ones
};

int status_of(const MapOptions& options, const client::MapOutcome& outcome) {
  switch (outcome.end) {
    case MapEnd::reader_gone:
      die_of(SIGPIPE);
      break;
    case MapEnd::interrupted:
      die_of(last_signal);
      break;
    case MapEnd::too_costly:
      throw Error(ErrorKind::limit,
                  "the cost limit is reached: " + std::to_string(outcome.counts.done) +
                      " items are done, the rest was not begun",
                  options.settings.joblog.empty() ? "--max-cost allows more"
                                                  : "--max-cost allows more, --resume goes on from here");
    case MapEnd::halted:
      report(Error(ErrorKind::failed, "stopped early, as --halt says: " +
                                          std::to_string(outcome.counts.failed) + " items failed"));
      break;
    case MapEnd::complete:
      break;
  }
  return outcome.counts.failed > 0 ? 123 : 0;
}

int run_it(MapOptions& options, int argc, char** argv) {
  fill_map_task(options, argc - options.operands, argv + options.operands);
  choose_pool(options);
  UniqueFd input;
  if (!options.input_path.empty()) {
    input = open_file(options.input_path, O_RDONLY | O_NOCTTY);
    options.settings.input_fd = input.get();
  } else if (!options.quiet && ::isatty(STDIN_FILENO) == 1) {
    write_all(STDERR_FILENO, "flame: items are read from the terminal, one a line; Ctrl-D ends them\n");
  }
  const std::string hint = resume_hint(options, argc, argv);
  const std::string leaving = "flame: leaving at once\n" + hint;
  last_words = &leaving;
  watch_signals();
  raise_descriptor_limit();
  Screen screen(options, hint);
  client::MapEvents events = screen.events();
  client::Pool pool(options.pool);
  if (options.plugin)
    events.before_boot = [&] { client::preflight(*options.plugin, options.pool.name, pool.generation()); };
  try {
    const client::MapOutcome outcome = client::run_map(pool, options.task, options.settings, events);
    if (outcome.end != MapEnd::reader_gone) screen.end(outcome);
    return status_of(options, outcome);
  } catch (Error& error) {
    screen.tell_rest();
    if (interrupts > 0) die_of(last_signal);
    if (error.hint.empty() && !options.settings.joblog.empty() && error.kind == ErrorKind::timed_out)
      error.hint =
          hint.substr(std::string_view("hint: ").size(), hint.size() - std::string_view("hint: \n").size());
    throw;
  }
}

}  // namespace

int map_command(int argc, char** argv) {
  try {
    // Else the first file that is opened would be taken for it.
    if (::fcntl(STDOUT_FILENO, F_GETFD) < 0)
      throw Error(ErrorKind::system, "cannot write the results: stdout is closed");
    MapOptions options = parse_map_options(argc, argv);
    if (options.help) return print_help(help_text(kMapSpec).c_str());
    return run_it(options, argc, argv);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::usage) throw;
    report(error);
    return 2;
  }
}

}  // namespace flame::cli
