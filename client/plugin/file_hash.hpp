// Hashes of files that travel with plugins, remembered under $XDG_CACHE_HOME/flame/hashes.
#pragma once
#include <cstdint>
#include <string>

namespace flame::client {

struct FileHash {
  std::string sha256;  // hex
  std::uint64_t bytes = 0;
};

// Throws Error(system).
FileHash hash_of_file(const std::string& path);

}  // namespace flame::client
