#include "cli/commands/help_function.hpp"

#include "cli/ui/function_help.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::cli {

int help_function(const std::string& plugin, const std::string& function) {
  const client::OpenPlugin open = client::open_plugin(plugin);
  if (!open.manifest)
    throw Error(ErrorKind::plugin_unloadable,
                "'" + plugin + "' has no manifest: its functions cannot be described",
                "build it with the SDK's macros, which leave one");
  client::PluginFile file;
  file.path = open.path;
  file.functions = open.manifest->functions;
  print(function_help(plugin, *file.find(function)));
  return 0;
}

}  // namespace flame::cli
