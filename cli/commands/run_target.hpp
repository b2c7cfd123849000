// What a call calls: a plugin here, or one that only the image has.
#pragma once
#include <optional>
#include <string>

#include "cli/commands/run_options.hpp"
#include "client/plugin/plugin_file.hpp"
#include "client/plugin/supply.hpp"

namespace flame::cli {

// The plugin, as far as it is known here: of one in the image nothing but its path.
struct Target {
  std::string path, sha256, function;
  std::optional<client::PluginFile> file;  // of one that is here
  std::optional<client::ManifestFunction> manifest;
  client::Supply supply;
};

// The path behind "image:"; nullopt: the word names a plugin of this computer. Throws Error(usage).
std::optional<std::string> path_in_image(const CommandSpec& command, const std::string& word,
                                         const std::vector<std::string>& with);

// Throws Error(usage, plugin_missing, plugin_unloadable, unknown_function).
Target target_of(const RunOptions& options, const std::string& plugin, const std::string& function);

}  // namespace flame::cli
