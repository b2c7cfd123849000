// The check that `run` and `map` make by themselves before a machine is booted, against what is recorded of
// the pool.
#pragma once
#include <string>
#include <string_view>

#include "client/plugin/plugin_file.hpp"

namespace flame::client {

// Silent when nothing is recorded of runners of this generation. Throws Error(plugin_unloadable,
// abi_mismatch) with all that keeps the plugin from loading there.
void preflight(const PluginFile& plugin, const std::string& pool, const std::string& generation);

}  // namespace flame::client
