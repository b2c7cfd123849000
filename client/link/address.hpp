// How a runner is reached, as an engine says it (backends/PROTOCOL.md, ADDRESS).
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace flame::client {

// Numeric or a path: flame resolves no names.
struct Address {
  std::string unix_path;                                     // or
  std::string tcp;                                           // "[fdaa::3]:8080", "127.0.0.1:8080"
  std::string token;                                         // empty: the link needs none
  std::vector<std::pair<std::string, std::string>> headers;  // for a proxy on the way

  bool known() const { return !unix_path.empty() || !tcp.empty(); }
  std::string text() const { return unix_path.empty() ? tcp : unix_path; }
};

}  // namespace flame::client
