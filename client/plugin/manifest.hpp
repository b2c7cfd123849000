// The manifest: what the SDK leaves in the section .flame.manifest, so that functions and the wanted guest
// are known before anything is run.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flame::client {

struct ManifestFunction {
  std::string name, signature, flags, doc, guest;
  bool streaming() const { return has_flag("streaming"); }
  bool has_flag(std::string_view flag) const;
};

struct Manifest {
  std::uint32_t abi_needed = 0;
  std::string name, version;
  std::vector<ManifestFunction> functions;
};

// text: the section's bytes. Throws Error(plugin_unloadable) that says why it cannot be read.
Manifest parse_manifest(std::string_view text);

}  // namespace flame::client
