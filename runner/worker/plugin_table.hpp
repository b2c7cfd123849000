// A loaded plugin, checked.
#pragma once
#include <string>
#include <vector>

#include "flame/plugin.h"
#include "wire/signature.hpp"

namespace flame::worker {

struct LoadedFunction {
  const flame_function* entry;
  wire::Signature signature;
  bool streaming;
};

struct LoadedPlugin {
  const flame_plugin* table = nullptr;
  std::string path;  // for messages
  std::vector<LoadedFunction> functions;

  const LoadedFunction* find(std::string_view name) const;
  std::vector<std::string> names() const;
};

// Checks the table that a plugin gave, whose file (for its manifest) and path (for messages) are these.
LoadedPlugin check_plugin(const flame_plugin* table, const std::string& file, const std::string& path);

// dlopens file and asks for the table; path is what messages call it. Throws Error(plugin_unloadable,
// abi_mismatch). Never unloaded: a C++ library would stay mapped half alive.
LoadedPlugin load_plugin(const std::string& file, const std::string& path);

}  // namespace flame::worker
