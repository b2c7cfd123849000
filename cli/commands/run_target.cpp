#include "cli/commands/run_target.hpp"

namespace flame::cli {

std::optional<std::string> path_in_image(const CommandSpec& command, const std::string& word,
                                         const std::vector<std::string>& with) {
  constexpr std::string_view prefix = "image:";
  if (!word.starts_with(prefix)) return std::nullopt;
  std::string path = word.substr(prefix.size());
  if (!path.starts_with('/'))
    throw usage_error(command, "image: wants an absolute path, as in image:/app/math.so, got '" + word + "'");
  if (!with.empty()) throw usage_error(command, "--with sends files beside a plugin of this computer");
  return path;
}

Target target_of(const RunOptions& options, const std::string& plugin, const std::string& function) {
  Target out;
  out.function = function;
  if (auto there = path_in_image(kRunSpec, plugin, options.with)) {
    out.path = std::move(*there);
    return out;
  }
  out.file = client::read_plugin(plugin);
  out.path = out.file->path;
  out.sha256 = out.file->sha256;
  if (const auto* found = out.file->find(function)) out.manifest = *found;
  out.supply = client::Supply(*out.file, options.with, !options.no_ship);
  return out;
}

}  // namespace flame::cli
