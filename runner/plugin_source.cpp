#include "runner/plugin_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::runner {

PluginFile PluginSource::open(const std::string& path, const std::string& sha256) {
  constexpr std::size_t kept_max = 1024;
  PluginFile file;
  file.path = path;
  try {
    file.fd = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  } catch (const Error& error) {
    throw Error(ErrorKind::plugin_missing, "the runner has no plugin '" + path + "': " + error.message);
  }
  struct stat status {};
  if (::fstat(file.fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(ErrorKind::plugin_unloadable, "'" + path + "' is not a file");
  const auto nanoseconds = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
  const Identity identity{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                          nanoseconds(status.st_ctim)};
  auto known = hashes_.find(identity);
  if (known == hashes_.end()) {
    if (hashes_.size() >= kept_max) hashes_.clear();
    known = hashes_.emplace(identity, hex(sha256_fd(file.fd.get()))).first;
  }
  file.sha256 = known->second;
  if (!sha256.empty() && file.sha256 != sha256)
    throw Error(ErrorKind::plugin_missing, "the file '" + path + "' of the runner has other bytes",
                "build the image again, or name it image:" + path + " to use the image's own");
  return file;
}

}  // namespace flame::runner
