// Where a runner that drains is still to be found by those whose detached calls it holds.
#pragma once
#include <string>

namespace flame::wire {

// Of its socket's path: "x.sock" → "x.held.sock".
inline std::string held_socket_path(const std::string& path) {
  constexpr std::string_view ending = ".sock";
  const bool has = path.ends_with(ending);
  return path.substr(0, path.size() - (has ? ending.size() : 0)) + ".held" + std::string(ending);
}

}  // namespace flame::wire
