// What an engine says of one machine, and how to reach the runner on it.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace flame::client {

// Numeric or a path: flame resolves no names (backends/PROTOCOL.md, ADDRESS).
struct Address {
  std::string unix_path;                                     // or
  std::string tcp;                                           // "[fdaa::3]:8080", "127.0.0.1:8080"
  std::string token;                                         // empty: the link needs none
  std::vector<std::pair<std::string, std::string>> headers;  // for a proxy on the way

  bool known() const { return !unix_path.empty() || !tcp.empty(); }
  std::string text() const { return unix_path.empty() ? tcp : unix_path; }
};

struct Machine {
  std::string name;
  std::string state;  // started stopped suspended stopping
  std::string generation;
  Address address;
  std::uint64_t created_at_ms = 0;  // Unix time; 0: not known
  std::uint64_t pid = 0;
  std::string details;  // the whole MACHINE as JSON
};

// A machine whose runner may be tried: connecting is the probe.
struct Runner {
  std::string name;
  Address address;
  std::string generation;
};

}  // namespace flame::client
