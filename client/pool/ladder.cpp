#include "client/pool/ladder.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "client/state_dir.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr const char* kMemory = "guests.json";
constexpr std::size_t kFileMaxBytes = 256 * 1024;
constexpr std::size_t kRememberedMax = 500;  // functions; then it begins anew
constexpr std::size_t kNameMax = 32;         // of a pool

// What cannot be read is not known.
json::object read_memory(const std::string& path) {
  try {
    const UniqueFd fd = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return json::parse(read_fd(fd.get(), kFileMaxBytes)).as_object();
  } catch (const std::exception&) {
    return {};
  }
}

void remember(const std::string& key, const std::string& guest) {
  if (state_dir("").empty()) return;
  const std::string path = state_path(kMemory);
  json::object all = read_memory(path);
  if (all.size() >= kRememberedMax) all.clear();
  all[key] = guest;
  try {
    write_file_atomic(path, json::serialize(all), 0600);
  } catch (const Error&) {  // then the next call finds out for itself
  }
}

}  // namespace

PoolSettings rung_of(const PoolSettings& pool, const std::string& guest) {
  PoolSettings out = pool;
  out.guest = guest;
  out.name += "-";
  for (const char c : guest) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    out.name += plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  if (out.name.size() > kNameMax)
    out.name = out.name.substr(0, kNameMax - 9) + "-" + hex(sha256(out.name)).substr(0, 8);
  return out;
}

Ladder::Ladder(const PoolSettings& pool, const std::string& plugin, const std::string& function)
    : pool_(pool),
      settings_(pool),
      key_(pool.backend + " " + pool.name + " " + plugin.substr(plugin.rfind('/') + 1) + " " + function) {
  if (pool.oom_ladder.empty()) return;
  const json::object all = read_memory(state_path(kMemory));
  const json::value* guest = all.if_contains(key_);
  if (guest != nullptr && guest->is_string()) stand_on(json::value_to<std::string>(*guest));
}

// A guest that is no longer of the ladder is none.
void Ladder::stand_on(const std::string& guest) {
  const auto& all = pool_.oom_ladder;
  if (guest != pool_.guest && std::find(all.begin(), all.end(), guest) != all.end())
    settings_ = rung_of(pool_, guest);
}

bool Ladder::climb() {
  const auto& all = pool_.oom_ladder;
  const auto here = std::find(all.begin(), all.end(), settings_.guest);
  const auto next = here == all.end() ? all.begin() : here + 1;
  if (next == all.end()) return false;
  stand_on(*next);
  remember(key_, *next);
  return true;
}

}  // namespace flame::client
