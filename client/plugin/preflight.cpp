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

void record_hello(const std::string& pool, const std::string& backend, std::string_view hello) noexcept {
  try {
    if (backend == "local") return;
    const ImageFacts facts = facts_from_hello(hello);
    const auto known = recorded_facts(pool);
    const bool richer =
        known && known->complete && (known->generation.empty() || known->generation == facts.generation);
    if (!richer) record_facts(pool, facts);
  } catch (...) {
    // The runner itself refuses what it cannot load.
  }
}

}  // namespace flame::client
