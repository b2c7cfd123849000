// `flame pool keep`: the controller of a pool, in the foreground.
#pragma once
#include "cli/commands/pool_options.hpp"

namespace flame::cli {

// Returns when a signal asks to stop; runners stay as they are. Its log goes to stderr, one JSON object a
// line.
int keep_pool(const PoolOptions& options);

}  // namespace flame::cli
