// The command line of `flame map`.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "client/map/map.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::cli {

extern const CommandSpec kMapSpec;

struct MapOptions {
  client::PoolSettings pool;  // by choose_pool
  std::optional<std::string> pool_name;
  std::string guest, wish;  // --guest; the function's own
  std::optional<std::uint64_t> runners_max;
  std::optional<double> cost_per_hour_max;
  client::MapTask task;                      // from the plugin and the words
  std::optional<client::PluginFile> plugin;  // of this computer
  std::vector<std::string> with;
  bool no_ship = false;
  client::MapSettings settings;
  std::string input_path;  // -a
  bool quiet = false, verbose = false, help = false, summary = false, no_progress = false;
  int operands = 0;  // index in argv of PLUGIN
};

// Throws Error(usage).
MapOptions parse_map_options(int argc, char** argv);

// What is in force for the pool: flags > environment > flame.toml > default. Throws Error(config).
void choose_pool(MapOptions& options);

// Reads the plugin and the fixed arguments. words: PLUGIN FUNCTION [ARGUMENT…]. Throws Error(usage,
// plugin_missing, …).
void fill_map_task(MapOptions& options, int count, char** words);

Error map_usage(const std::string& why);

}  // namespace flame::cli
