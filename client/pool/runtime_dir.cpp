#include "client/pool/runtime_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"

namespace flame::client {

std::string runtime_dir() {
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  const bool given = base != nullptr && *base == '/';
  const std::string path = given ? std::string(base) + "/flame" : "/tmp/flame-" + std::to_string(::geteuid());
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) throw system_error("cannot look at '" + path + "'", errno);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      Error error = system_error("cannot make the runtime directory '" + path + "'", errno);
      error.hint = given ? "XDG_RUNTIME_DIR must name a directory that is there and yours" : "";
      throw error;
    }
    // Looked at again: somebody may have made it, or put something else there, in between.
    if (::lstat(path.c_str(), &status) != 0) throw system_error("cannot look at '" + path + "'", errno);
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    throw Error(ErrorKind::config,
                "the runtime directory '" + path + "' is not a directory that is yours alone",
                "chmod 700 it, or set XDG_RUNTIME_DIR to a directory of your own");
  return path;
}

}  // namespace flame::client
