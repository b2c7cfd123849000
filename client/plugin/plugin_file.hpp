// A plugin as a file: read as ELF, running none of it, so that what cannot load is known before a runner is
// asked.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "client/plugin/elf.hpp"
#include "client/plugin/file_key.hpp"
#include "client/plugin/manifest.hpp"
#include "client/plugin/needs.hpp"

namespace flame::client {

struct PluginFile {
  std::string path;                                        // absolute
  FileKey key;                                             // of the file that was read
  std::string sha256;                                      // hex
  std::optional<std::vector<ManifestFunction>> functions;  // no manifest: not known before the runner says
  Needs needs;

  // nullptr without a manifest. Throws Error(unknown_function) that names the nearest.
  const ManifestFunction* find(const std::string& function) const;
};

// What `run` needs of a plugin, from the cache when the file is the one that was read before (docs are left
// out then). Throws Error(plugin_missing, plugin_unloadable, abi_mismatch).
PluginFile read_plugin(const std::string& path);

// The file itself, with its tables: for inspect and check. Machines and ABIs that are not ours are no error
// here.
struct OpenPlugin {
  std::string path;  // absolute
  UniqueFd fd;
  FileKey key;
  std::unique_ptr<ByteSource> source;
  Elf elf;
  std::optional<Manifest> manifest;
  bool exports_entry = false;

  std::string sha256();                             // from the cache, else computed and remembered
  std::optional<std::string> known_sha256() const;  // from the cache alone
};
// Throws Error(plugin_missing, plugin_unloadable).
OpenPlugin open_plugin(const std::string& path);

// What no runner of ours could load, wherever it is: throws Error(plugin_unloadable, abi_mismatch).
void refuse_unloadable(const OpenPlugin& plugin);

}  // namespace flame::client
