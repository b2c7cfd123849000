// `flame pool top`: runners and calls as they are, again and again, or once.
#pragma once
#include "cli/commands/pool_options.hpp"

namespace flame::cli {

int watch_pool(const PoolOptions& options);

}  // namespace flame::cli
