// The listening side: links (one WebSocket each) and the runner's lifetime.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "runner/options.hpp"

namespace flame::runner {

// Serves until idle, drained by SIGTERM or SIGINT, or past its lifetime. Single thread.
void serve(const Options& options);

}  // namespace flame::runner
