#include "client/state_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace flame::client {

std::string state_path(const std::string& part) {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/flame/" + part;
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/flame/" + part;
  return {};
}

std::string state_dir(const std::string& part) {
  const std::string whole = state_path(part);
  if (whole.empty() || ::access(whole.c_str(), W_OK | X_OK) == 0) return whole;
  // Its parents are made as mkdir -p makes them.
  for (std::size_t at = 1; at != std::string::npos;) {
    at = whole.find('/', at + 1);
    ::mkdir(whole.substr(0, at).c_str(), 0700);
  }
  return ::access(whole.c_str(), W_OK | X_OK) == 0 ? whole : std::string();
}

}  // namespace flame::client
