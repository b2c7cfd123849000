#include "cli/commands/run_target.hpp"

namespace flame::cli {

constexpr std::string_view kImagePrefix = "image:";

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

}  // namespace flame::cli
