// A process of its own that relays connections of a local socket to Fly's public proxy over TLS. It outlives
// the backend, so that a call to a runner that is known asks nobody; it holds no token of any kind.
#pragma once
#include <cstdint>
#include <string>

namespace flame::backend::fly {

// Serves the listening socket 3 until nothing was connected for so long, or its path is another's. Returns
// the exit status.
int run_relay(const std::string& url, const std::string& socket_path, std::int64_t idle_ms);

// The socket of the relay to this URL; starts one when none serves. Throws Error(system).
std::string relay_socket(const std::string& runtime_dir, const std::string& url, std::uint64_t idle_ms);

}  // namespace flame::backend::fly
