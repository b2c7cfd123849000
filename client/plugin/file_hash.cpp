#include "client/plugin/file_hash.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "client/plugin/file_key.hpp"
#include "client/plugin/plugin_cache.hpp"

namespace flame::client {

// An entry of the plugins' cache that holds a hash and nothing else.
FileHash hash_of_file(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  struct stat before {
  }, after{};
  if (::fstat(fd.get(), &before) != 0) throw system_error("cannot look at '" + path + "'", errno);
  const FileKey key = FileKey::of(before);
  if (const auto known = recall_plugin(key, "hashes")) return {known->sha256, key.bytes};
  PluginFile entry;
  entry.sha256 = hex(sha256_fd(fd.get()));
  if (::fstat(fd.get(), &after) == 0 && FileKey::of(after) == key) remember_plugin(key, entry, "hashes");
  return {entry.sha256, key.bytes};
}

}  // namespace flame::client
