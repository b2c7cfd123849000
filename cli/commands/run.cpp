#include <fcntl.h>
#include <unistd.h>

#include <deque>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/help_function.hpp"
#include "cli/commands/pool_status.hpp"
#include "cli/commands/run_call.hpp"
#include "cli/ui/report.hpp"
#include "client/pool/guest.hpp"
#include "client/pool/pool.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

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
  // Asked again when another runner is asked to run the call.
  client::InputSource* input_once() {
    if (late_input_ == nullptr) late_input_ = standard_input();
    return late_input_;
  }
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
  client::InputSource* late_input_ = nullptr;
};

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
  out.phases = options.verbose || options.inspector == client::Inspector::gdb;
  out.deadline = options.deadline;
  for (int i = 0; i < count; ++i)
    out.arguments.push_back(words.argument(static_cast<std::size_t>(i), arguments[i]));
  const bool streaming = target.manifest && target.manifest->streaming();
  if (options.no_stdin || words.stdin_used()) return out;
  if (streaming) out.input = words.standard_input();
  if (!target.manifest) out.input_if_streaming = [&words] { return words.input_once(); };
  return out;
}

// What a call that finds no runner would ask of an engine that costs, and the price an hour.
void plan_boot(const client::PoolSettings& settings, Deadline deadline) {
  if (settings.backend == "local") return;  // it costs nothing; and a Pool would make its folder
  client::Pool pool(settings);
  pool.only_plan([](const std::string& request) { print(printable(request, true) + "\n"); });
  pool.warm(1, deadline);
  print("price: " + hourly(pool.planned_usd_per_second()) + "\n");
}

int dry_run(const RunOptions& options, const Target& target, const client::Config& config) {
  std::string text = "would call " + target.function + " of " + target.path;
  if (!target.sha256.empty()) text += " (sha256 " + target.sha256 + ")";
  print(printable(text) + " in pool " + config.pool.name + " of backend " + config.pool.backend + "\n");
  if (!options.is_inline) plan_boot(config.pool, options.deadline);
  return 0;
}

int run_it(const RunOptions& options, int count, char** argv) {
  PhaseTimes times;
  Target target = target_of(options, argv[0], argv[1]);
  client::Config config = client::load_config(options.pool);
  const std::string wish = target.manifest ? target.manifest->guest : "";
  if (!options.guest.empty() || !wish.empty())  // mostly there is neither
    config.pool = client::pool_for_guest(config.pool, options.guest, wish);
  Words words(options, target);
  const client::Invocation call = invocation_of(options, target, config.pool, words, count - 2, argv + 2);
  if (options.dry_run) return dry_run(options, target, config);
  make_call(options, target, config, call, times, [&words] { words.rewind(); });
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
