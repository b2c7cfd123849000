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
  bool quiet = false, help = false, files_open = false;
  int operands = 0;  // index in argv of PLUGIN
};

// Throws Error(usage).
MapOptions parse_map_options(int argc, char** argv);

Error map_usage(const std::string& why);

}  // namespace flame::cli
