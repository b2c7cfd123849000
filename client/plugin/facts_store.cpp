// Where facts are kept: files of well-known bases that come with flame, and those recorded for pools.
#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "client/plugin/facts.hpp"
#include "client/plugin/limits.hpp"
#include "client/plugin/plugin_cache.hpp"

namespace flame::client {
namespace {

// Installed, or in the tree where flame was built.
std::string base_directory() {
  const std::string own = own_directory();
  const std::string installed = own + "/../share/flame/facts";
  struct stat status {};
  return ::stat(installed.c_str(), &status) == 0 ? installed : own + "/../client/plugin/facts";
}

bool plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

std::string pool_file(const std::string& pool) { return cache_dir() + "/facts/" + pool + ".json"; }

}  // namespace

std::vector<std::string> base_names() {
  std::vector<std::string> out;
  for (std::string name : names_in(base_directory())) {
    if (!name.ends_with(".json")) continue;
    name.resize(name.size() - 5);
    std::replace(name.begin(), name.end(), '-', ':');
    out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<ImageFacts> base_facts(const std::string& name) {
  const auto known = base_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) return std::nullopt;
  std::string file = name;
  std::replace(file.begin(), file.end(), ':', '-');
  return parse_facts(read_file(base_directory() + "/" + file + ".json", kFactsMaxBytes));
}

std::optional<ImageFacts> recorded_facts(const std::string& pool) noexcept {
  try {
    if (cache_dir().empty() || !plain_name(pool)) return std::nullopt;
    return parse_facts(read_file(pool_file(pool), kFactsMaxBytes));
  } catch (...) {
    return std::nullopt;
  }
}

bool record_facts(const std::string& pool, const ImageFacts& facts) noexcept {
  try {
    if (!plain_name(pool) || !make_cache_dir("facts")) return false;
    write_file_atomic(pool_file(pool), facts_json(facts) + "\n", 0600);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace flame::client
