// flame run --help-function PLUGIN FUNCTION.
#pragma once
#include <string>

namespace flame::cli {

// Throws Error(plugin_missing, plugin_unloadable, unknown_function).
int help_function(const std::string& plugin, const std::string& function);

}  // namespace flame::cli
