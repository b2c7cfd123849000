// Which app of an engine is meant, as far as it can be told without asking: two must not share hints, a boot
// lock or failures.
#pragma once
#include <string>

#include "client/pool/settings.hpp"

namespace flame::client {

// Part of a file's name: ".1a2b3c4d", or empty where an engine has one place only.
std::string engine_place(const PoolSettings& settings);

}  // namespace flame::client
