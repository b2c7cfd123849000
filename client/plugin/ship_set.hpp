// The files that must be where a plugin is loaded: itself, the libraries that it finds beside itself
// ($ORIGIN in its RUNPATH), and those that the user names.
#pragma once
#include <string>
#include <vector>

#include "client/plugin/plugin_file.hpp"

namespace flame::client {

struct ShipFile {
  std::string path;    // below the set's directory, as it lies here
  std::string source;  // absolute, here
  std::string sha256;
  std::uint64_t bytes = 0;
};

// The plugin first. One file when it stands alone. Those of `with` that do not lie below the plugin's folder
// come to lie beside it. Hashes are remembered, so that a second look reads nothing. Throws Error.
std::vector<ShipFile> collect_set(const PluginFile& plugin, const std::vector<std::string>& with);

// The member "files" of a bind, or "" when the plugin stands alone.
std::string set_json(const std::vector<ShipFile>& files);

// True when collect_set would look further than at the plugin itself.
bool may_have_set(const PluginFile& plugin, const std::vector<std::string>& with);

}  // namespace flame::client
