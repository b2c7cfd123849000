// With which program, words and environment a worker starts.
#pragma once
#include "base/process.hpp"
#include "runner/options.hpp"
#include "runner/plugin_source.hpp"

namespace flame::runner {

// Without descriptors.
SpawnPlan worker_command(const Options& options, const PluginFile& plugin);

}  // namespace flame::runner
