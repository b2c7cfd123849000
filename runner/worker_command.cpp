#include "runner/worker_command.hpp"

namespace flame::runner {

SpawnPlan worker_command(const Options& options, const PluginFile& plugin) {
  SpawnPlan plan;
  plan.path = options.worker.front();
  plan.arguments = options.worker;
  plan.arguments.insert(plan.arguments.end(), {"--path", plugin.path, "--sandbox", options.sandbox});
  if (const auto uid = worker_uid_of(options))
    plan.arguments.insert(plan.arguments.end(), {"--uid", std::to_string(*uid)});
  if (!plugin.load_path.empty()) plan.arguments.insert(plan.arguments.end(), {"--load", plugin.load_path});
  plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  plan.environment.insert(plan.environment.end(), plugin.environment.begin(), plugin.environment.end());
  return plan;
}

}  // namespace flame::runner
