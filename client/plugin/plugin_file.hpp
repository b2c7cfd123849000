// A plugin as a file: read as ELF, running none of it, so that what cannot load is known before a runner is
// asked.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace flame::client {

struct ManifestFunction {
  std::string name, signature, flags;
  bool streaming() const;
};

struct PluginFile {
  std::string path;                                        // absolute
  std::string sha256;                                      // hex
  std::optional<std::vector<ManifestFunction>> functions;  // no manifest: not known before the runner says

  // nullptr without a manifest. Throws Error(unknown_function) that names the nearest.
  const ManifestFunction* find(const std::string& function) const;
};

// Throws Error(plugin_missing, plugin_unloadable, abi_mismatch).
PluginFile read_plugin(const std::string& path);

}  // namespace flame::client
