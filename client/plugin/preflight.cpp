#include "client/plugin/preflight.hpp"

#include "client/plugin/check.hpp"

namespace flame::client {

void preflight(const PluginFile& plugin, const std::string& pool, const std::string& generation) {
  const auto facts = recorded_facts(pool);
  if (!facts || (!facts->generation.empty() && facts->generation != generation)) return;
  if (!may_not_load(plugin.needs, *facts)) return;
  const CheckReport report = check_plugin(open_plugin(plugin.path), *facts);
  if (report.fatal()) throw unloadable_there(plugin.path, report);
}

}  // namespace flame::client
