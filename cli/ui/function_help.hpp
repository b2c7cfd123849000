// Help for a function of a plugin, from its manifest.
#pragma once
#include <string>

#include "client/plugin/manifest.hpp"

namespace flame::cli {

// plugin: as the user wrote it. Control characters of the manifest are shown.
std::string function_help(const std::string& plugin, const client::ManifestFunction& function);

}  // namespace flame::cli
