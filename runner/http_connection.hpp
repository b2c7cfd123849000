// A connection that speaks plain HTTP/1.1, until it asks to become a link.
#pragma once
#include "runner/runner.hpp"

namespace flame::runner {

void open_http(Runner& runner, Peer peer);

}  // namespace flame::runner
