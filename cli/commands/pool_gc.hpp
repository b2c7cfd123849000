// `flame pool gc`: machines that were left behind, by anybody, in any pool of the app.
#pragma once
#include "cli/commands/pool_options.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {

// Tells them and what they cost, asks, destroys them. Returns the price by the second of those that it ended.
double collect_garbage(client::Pool& pool, const PoolOptions& options);

}  // namespace flame::cli
