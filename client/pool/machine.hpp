// What an engine says of one machine, and how to reach the runner on it.
#pragma once
#include <cstdint>
#include <string>

#include "client/link/address.hpp"

namespace flame::client {

struct Machine {
  std::string name;
  std::string state;  // started stopped suspended stopping
  std::string generation;
  Address address;
  std::uint64_t created_at_ms = 0;  // Unix time; 0: not known
  std::uint64_t pid = 0;
  std::string pool;             // empty: the one that was asked for
  double price_per_second = 0;  // US dollars, as it is now
  std::string details;          // the whole MACHINE as JSON
};

// A machine whose runner may be tried: connecting is the probe.
struct Runner {
  std::string name;
  Address address;
  std::string generation;
};

}  // namespace flame::client
