#include "client/calls/state_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace flame::client {

std::string state_dir(const std::string& part) {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string path;
  if (state != nullptr && *state == '/')
    path = state;
  else if (home != nullptr && *home == '/')
    path = std::string(home) + "/.local/state";
  else
    return {};
  const std::string whole = path + "/flame/" + part;
  if (::access(whole.c_str(), W_OK | X_OK) == 0) return whole;
  // Its parents are made as mkdir -p makes them.
  for (std::size_t at = 1; at != std::string::npos;) {
    at = whole.find('/', at + 1);
    ::mkdir(whole.substr(0, at).c_str(), 0700);
  }
  return ::access(whole.c_str(), W_OK | X_OK) == 0 ? whole : std::string();
}

}  // namespace flame::client
