#include "cli/commands/run_options.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <deque>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/help_function.hpp"
#include "cli/ui/once.hpp"
#include "cli/ui/phase_times.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/status_line.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/call.hpp"
#include "client/config/config.hpp"
#include "client/crash/explain.hpp"
#include "client/plugin/plugin_file.hpp"
#include "client/plugin/preflight.hpp"
#include "client/plugin/supply.hpp"
#include "client/pool/pool.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

constexpr std::string_view kImagePrefix = "image:";

// The plugin, as far as it is known here: of one in the image nothing but its path.
struct Target {
  std::string path, sha256, function;
  std::optional<client::PluginFile> file;  // of one that is here
  std::optional<client::ManifestFunction> manifest;
  client::Supply supply;
};

Target target_of(const RunOptions& options, const std::string& plugin, const std::string& function) {
  Target out;
  out.function = function;
  if (plugin.starts_with(kImagePrefix)) {
    out.path = plugin.substr(kImagePrefix.size());
    if (!out.path.starts_with('/'))
      throw usage_error(kRunSpec,
                        "image: wants an absolute path, as in image:/app/math.so, got '" + plugin + "'");
    if (!options.with.empty())
      throw usage_error(kRunSpec, "--with sends files beside a plugin of this computer");
    return out;
  }
  out.file = client::read_plugin(plugin);
  out.path = out.file->path;
  out.sha256 = out.file->sha256;
  if (const auto* found = out.file->find(function)) out.manifest = *found;
  out.supply = client::Supply(*out.file, options.with, !options.no_ship);
  return out;
}

// Words to arguments: files and stdin are opened for bytes parameters.
class Words {
 public:
  Words(const RunOptions& options, const Target& target) : options_(options) {
    if (target.manifest) signature_ = wire::parse_signature(target.manifest->signature);
  }

  client::CallArgument argument(std::size_t at, const std::string& word) {
    client::CallArgument out;
    out.value = word;
    if (options_.json_args) {
      out.kind = wire::ArgumentKind::json;
    } else if (word.starts_with("@@")) {
      out.value = word.substr(1);
    } else if (takes_bytes(at) && word.size() > 1 && word.starts_with("@")) {
      out.kind = wire::ArgumentKind::bytes;
      out.source = &sources_.emplace_back(open_file(word.substr(1), O_RDONLY | O_NOCTTY));
    } else if (takes_bytes(at) && word == "-") {
      out.kind = wire::ArgumentKind::bytes;
      out.source = standard_input();
    }
    return out;
  }

  client::InputSource* standard_input() {
    if (options_.no_stdin) throw usage_error(kRunSpec, "'-' cannot be used with --no-stdin");
    if (stdin_used_) throw usage_error(kRunSpec, "'-' can be used once");
    stdin_used_ = true;
    if (!options_.quiet && ::isatty(STDIN_FILENO) == 1)
      write_all(STDERR_FILENO, "flame: reading from the terminal; Ctrl-D ends the input\n");
    return &sources_.emplace_back(STDIN_FILENO);
  }
  bool stdin_used() const { return stdin_used_; }
  void rewind() {
    for (auto& source : sources_) source.rewind();
  }

 private:
  // Without a signature @file and - are bytes: the worker says if they may not be.
  bool takes_bytes(std::size_t at) const {
    if (!signature_) return true;
    return at < signature_->parameters.size() && signature_->parameters[at].type.kind == wire::Kind::bytes;
  }

  const RunOptions& options_;
  std::optional<wire::Signature> signature_;
  std::deque<client::InputSource> sources_;  // arguments point into it
  bool stdin_used_ = false;
};

// Results to stdout. A string that --raw unquotes must be whole; the newline goes with the result's last
// piece.
class ResultPrinter {
 public:
  explicit ResultPrinter(bool raw) : raw_(raw) {}

  void take(std::string_view piece, std::uint8_t flags) {
    const bool last = (flags & wire::flag::more) == 0;
    const bool is_json = (flags & (wire::flag::bytes | wire::flag::none)) == 0;
    if (!is_json) return print(piece);
    kept_ += piece;
    if (raw_ && !last) return;
    if (raw_) unquote();
    if (last) kept_ += '\n';
    print(kept_);
    kept_.clear();
  }

 private:
  void unquote() {
    boost::system::error_code why;
    const auto value = boost::json::parse(kept_, why);
    if (!why && value.is_string()) kept_ = boost::json::value_to<std::string>(value);
  }

  bool raw_;
  std::string kept_;
};

void print_log(std::string_view level, std::string_view text) {
  if (level == "stdout" || level == "stderr")
    write_all(STDERR_FILENO, printable(text, true));
  else
    write_all(STDERR_FILENO, printable(level) + ": " + printable(text) + "\n");
}

client::Invocation invocation_of(const RunOptions& options, const Target& target,
                                 const client::PoolSettings& pool, Words& words, int count,
                                 char** arguments) {
  client::Invocation out;
  out.path = target.path;
  out.sha256 = target.sha256;
  out.function = target.function;
  out.files = target.supply.files_json();
  for (const std::string& name : pool.env)
    if (const char* value = std::getenv(name.c_str())) out.environment[name] = value;
  for (const auto& [name, value] : options.environment) out.environment[name] = value;
  out.fresh = options.fresh;
  out.phases = options.verbose;
  out.deadline = options.deadline;
  for (int i = 0; i < count; ++i)
    out.arguments.push_back(words.argument(static_cast<std::size_t>(i), arguments[i]));
  const bool streaming = target.manifest && target.manifest->streaming();
  if (streaming && !options.no_stdin && !words.stdin_used()) out.input = words.standard_input();
  return out;
}

// Until a runner takes it: one that is busy or leaves is no reason to fail while there may be another.
class Attempts {
 public:
  Attempts(client::Pool& pool, const RunOptions& options, Target& target, StatusLine& status,
           PhaseTimes& times)
      : pool_(pool), options_(options), supply_(target.supply), status_(status) {
    if (target.file)
      watch_.before_boot = [&] { client::preflight(*target.file, pool.settings().name, pool.generation()); };
    watch_.on_phase = [this, &times](std::string_view name) {
      if (options_.verbose) times.begin(name);
      status_.clear();
      if (name == "boot") status_.say("starting a runner of the pool " + pool_.settings().name);
    };
    if (!options.quiet)
      watch_.on_note = [this](const std::string& note) {
        status_.clear();
        write_all(STDERR_FILENO, "flame: " + printable(note) + "\n");
      };
  }

  void run(const client::Invocation& call, client::CallEvents& events, Words& words) {
    for (;;) {
      const auto link = pool_.find(options_.deadline, watch_);
      // Until now a signal just ended us: nothing had been asked of the runner.
      if (events.wake_fd < 0) catch_stop_signals(options_.deadline);
      events.wake_fd = stop_wake_fd();
      try {
        return client::run_call(*link, call, events);
      } catch (const Error& error) {
        if (supply_.can_mend(error) && !stop_asked()) {
          send_plugin(*link);
        } else {
          if (!another_may_do(error) || stop_asked()) throw;
          pause(error);
          watch_.avoid = {runner_of(*link)};
        }
      }
      words.rewind();
    }
  }

 private:
  static bool another_may_do(const Error& error) {
    return error.fate == Fate::never_begun &&
           (error.kind == ErrorKind::busy || error.kind == ErrorKind::draining ||
            error.kind == ErrorKind::unreachable);
  }
  static std::string runner_of(const client::Link& link) {
    const auto hello = boost::json::parse(link.hello());
    return boost::json::value_to<std::string>(hello.at("runner"));
  }
  void pause(const Error& error) const {
    if (options_.deadline.passed())
      throw Error(ErrorKind::timed_out, "the deadline passed while every runner was busy").at_phase("queue");
    if (error.kind == ErrorKind::unreachable) return;
    ::usleep(static_cast<useconds_t>(std::clamp<std::int64_t>(error.retry_after_ms.value_or(10), 1, 1000)) *
             1000);
  }

  void send_plugin(client::Link& link) {
    if (watch_.on_phase) watch_.on_phase("ship");
    try {
      supply_.send(link, options_.deadline, [this](const client::Shipment& shipment) {
        if (stop_asked()) throw Error(ErrorKind::cancelled, "cancelled while the plugin was sent");
        status_.show({static_cast<double>(shipment.done_bytes()), static_cast<double>(shipment.total_bytes()),
                      "bytes of the plugin sent"});
      });
    } catch (const Error& error) {
      // What has come is kept there: the next try goes on where this one stopped.
      if (error.kind != ErrorKind::lost || ++lost_ > kLostMaxCount || options_.deadline.passed()) throw;
    }
    status_.clear();
  }

  static constexpr int kLostMaxCount = 3;
  client::Pool& pool_;
  const RunOptions& options_;
  client::Supply& supply_;
  StatusLine& status_;
  client::Pool::Watch watch_;
  int lost_ = 0;
};

int dry_run(const Target& target, const client::Config& config) {
  std::string text = "would call " + target.function + " of " + target.path;
  if (!target.sha256.empty()) text += " (sha256 " + target.sha256 + ")";
  print(printable(text) + " in pool " + config.pool.name + " of backend " + config.pool.backend + "\n");
  return 0;
}

int run_it(const RunOptions& options, int count, char** argv) {
  PhaseTimes times;
  Target target = target_of(options, argv[0], argv[1]);
  const client::Config config = client::load_config(options.pool);
  Words words(options, target);
  const client::Invocation call = invocation_of(options, target, config.pool, words, count - 2, argv + 2);
  if (options.dry_run) return dry_run(target, config);

  StatusLine status(options.quiet);
  ResultPrinter results(options.raw);
  client::CallEvents events;
  events.on_output = [&](std::string_view bytes) { print(bytes); };
  events.on_result = [&](std::string_view piece, std::uint8_t flags) {
    status.clear();
    results.take(piece, flags);
  };
  events.on_log = [&](std::string_view level, std::string_view text) {
    if (options.quiet) return;
    status.clear();
    print_log(level, text);
  };
  events.on_progress = [&](const client::CallProgress& progress) { status.show(progress); };
  events.interrupted = stop_asked;
  if (options.verbose) {
    events.on_phase = [&](std::string_view name) { times.begin(name); };
    events.on_usage = [&](const client::CallUsage& usage) { times.usage(usage); };
    times.begin("find");
  }
  client::Pool pool(config.pool);
  Attempts attempts(pool, options, target, status, times);
  const auto tell = [&] {
    status.clear();
    if (options.verbose) write_all(STDERR_FILENO, times.report());
    if (target.supply.replaced() && !options.quiet)
      write_all(STDERR_FILENO,
                "flame: '" + printable(target.path) +
                    "' was replaced while the call ran: it ran with the bytes it began with\n");
  };
  try {
    attempts.run(call, events, words);
  } catch (Error& error) {
    tell();
    client::explain_crash(error, call.path);
    throw;
  }
  tell();
  if (pool.has_booted()) say_once("engine", client::engine_advice(config));
  finish_output();
  return 0;
}

}  // namespace

int run_command(int argc, char** argv) {
  const RunOptions options = parse_run_options(argc, argv);
  if (options.help) return print_help(help_text(kRunSpec).c_str());
  if (options.help_function) return help_function(argv[options.words_at], argv[options.words_at + 1]);
  // Behind the plugin too, for there it is thought of; no function can have such a name.
  if (argc - options.words_at == 3 && std::string_view(argv[options.words_at + 1]) == "--help-function")
    return help_function(argv[options.words_at], argv[options.words_at + 2]);
  return run_it(options, argc - options.words_at, argv + options.words_at);
}

}  // namespace flame::cli
