// flame check --run and --cases.
#pragma once
#include "cli/commands/simple_options.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::cli {

int list_cases(const client::OpenPlugin& plugin);
int check_run(client::OpenPlugin& plugin, const SimpleOptions& given);

}  // namespace flame::cli
