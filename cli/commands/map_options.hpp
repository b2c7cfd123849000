// The command line of `flame map`.
#pragma once
#include <string>
#include <vector>

#include "client/map/map.hpp"

namespace flame::cli {

struct MapOptions {
  client::PoolSettings pool;
  client::MapTask task;  // from the plugin and the words
  client::MapSettings settings;
  std::string input_path;  // -a
  bool quiet = false, help = false, summary = false, no_progress = false;
  int operands = 0;  // index in argv of PLUGIN
};

// Throws Error(usage).
MapOptions parse_map_options(int argc, char** argv);

// Reads the plugin and the fixed arguments. words: PLUGIN FUNCTION [ARGUMENT…]. Throws Error(usage,
// plugin_missing, …).
void fill_map_task(MapOptions& options, int count, char** words);

Error map_usage(const std::string& why);

}  // namespace flame::cli
