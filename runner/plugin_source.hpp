// Where a plugin's bytes come from: a file of this machine whose content has the wanted hash.
#pragma once
#include <map>
#include <string>
#include <tuple>

#include "base/fd.hpp"

namespace flame::runner {

struct PluginFile {
  UniqueFd fd;
  std::string path;
  std::string sha256;  // hex
};

class PluginSource {
 public:
  // sha256 empty: whatever is at path. Throws Error(plugin_missing) when there is no such file with those
  // bytes.
  PluginFile open(const std::string& path, const std::string& sha256);

 private:
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::map<Identity, std::string> hashes_;  // so that a warm call hashes nothing
};

}  // namespace flame::runner
