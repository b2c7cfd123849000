// One WebSocket: carries a session over a socket, with pings, coalesced writes and a closing handshake.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "runner/runner.hpp"

namespace flame::runner {

using HttpFields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// An upgrade request that was read from the peer, as its fields. Answers 101 and hello, or closes.
void open_link(Runner& runner, Peer peer, const HttpFields& fields);

}  // namespace flame::runner
