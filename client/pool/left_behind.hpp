// Machines that nobody needs any more, whoever made them.
#pragma once
#include <map>
#include <string>

#include "client/pool/pool.hpp"

namespace flame::client {

// What the flame.toml here says that each pool's runners are made from: pool → generation. Throws
// Error(config).
std::map<std::string, std::string> pool_generations();

// Empty: it is in order, or nothing here can tell. May connect to it, for 2 s at most.
std::string why_left_behind(Pool& pool, const Machine& machine,
                            const std::map<std::string, std::string>& generations);

}  // namespace flame::client
