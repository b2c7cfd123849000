// Words to a task: the plugin is read, the arguments are opened, what cannot work is said before it begins.
#include <fcntl.h>

#include "base/fd.hpp"
#include "cli/commands/map_options.hpp"
#include "cli/commands/run_target.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::cli {
namespace {

using client::ItemFormat;
using client::ResultFormat;
constexpr std::size_t kFixedMaxBytes = std::size_t{64} << 20;  // of an @file: it goes with every call

const wire::Type* parameter_type(const client::MapTask& task, std::size_t index) {
  if (!task.signature || index >= task.signature->parameters.size()) return nullptr;
  return &task.signature->parameters[index].type;
}

client::CallArgument fixed_argument(const client::MapTask& task, const std::string& word, std::size_t index) {
  const wire::Type* type = parameter_type(task, index);
  if (word.starts_with("@@")) return {wire::ArgumentKind::word, word.substr(1), nullptr};
  const bool bytes = type == nullptr ? !task.signature : type->kind == wire::Kind::bytes;
  if (!bytes || !word.starts_with("@") || word.size() == 1) return {wire::ArgumentKind::word, word, nullptr};
  const UniqueFd file = open_file(word.substr(1), O_RDONLY | O_NOCTTY);
  return {wire::ArgumentKind::bytes, read_fd(file.get(), kFixedMaxBytes), nullptr};
}

void check_results(const MapOptions& options) {
  const client::MapSettings& settings = options.settings;
  const client::MapTask& task = options.task;
  const bool bytes = task.streaming || (task.signature && task.signature->result &&
                                        task.signature->result->kind == wire::Kind::bytes);
  if (bytes && settings.terminator == '\n' && settings.results_dir.empty() &&
      settings.to != ResultFormat::records)
    throw Error(ErrorKind::usage,
                "map: the results of '" + task.function + "' are bytes, which may hold newlines",
                "use -0 (results end with NUL), --results DIR or --to json");
}

void check_files(const MapOptions& options) {
  const client::MapTask& task = options.task;
  if (options.settings.from != ItemFormat::files || !task.signature) return;
  std::size_t place = task.fixed.size();
  for (std::size_t i = 0; i < task.fixed.size(); ++i)
    if (!options.settings.token.empty() && task.fixed[i].value == options.settings.token) place = i;
  const wire::Type* type = parameter_type(task, place);
  const bool input = task.streaming && type == nullptr;
  if (input || (type != nullptr && type->kind == wire::Kind::bytes)) return;
  throw map_usage("--from files needs a bytes parameter or a streaming function" +
                  (type == nullptr ? std::string(", and '" + task.function + "' has none left")
                                   : "; parameter '" + task.signature->parameters[place].name + "' of '" +
                                         task.function + "' is " + wire::to_string(*type)));
}

// Of a plugin that only the image has nothing is known but its path.
void read_it(MapOptions& options, const std::string& word) {
  client::MapTask& task = options.task;
  if (auto there = path_in_image(kMapSpec, word, options.with)) {
    task.path = std::move(*there);
    return;
  }
  options.plugin = client::read_plugin(word);
  task.path = options.plugin->path;
  task.sha256 = options.plugin->sha256;
  task.supply = std::make_shared<client::MapSupply>(*options.plugin, options.with, !options.no_ship);
}

}  // namespace

void fill_map_task(MapOptions& options, int count, char** words) {
  client::MapTask& task = options.task;
  task.function = words[1];
  read_it(options, words[0]);
  const client::ManifestFunction* function = options.plugin ? options.plugin->find(task.function) : nullptr;
  if (function != nullptr) {
    task.signature = wire::parse_signature(function->signature);
    task.streaming = function->streaming();
    options.wish = function->guest;
    task.idempotent = (" " + function->flags + " ").find(" idempotent ") != std::string::npos;
  }
  for (int i = 2; i < count; ++i)
    task.fixed.push_back(fixed_argument(task, words[i], static_cast<std::size_t>(i - 2)));
  check_results(options);
  check_files(options);
}

}  // namespace flame::cli
