#include "client/pool/ladder.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/pool/guest.hpp"
#include "client/state_dir.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr const char* kMemory = "guests.json";
constexpr std::size_t kFileMaxBytes = 256 * 1024;
constexpr std::size_t kRememberedMax = 500;  // functions; then it begins anew

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

Ladder::Ladder(const PoolSettings& pool, const std::string& plugin, const std::string& function)
    : pool_(pool),
      settings_(pool),
      key_(pool.backend + " " + pool.name + " " + plugin.substr(plugin.rfind('/') + 1) + " " + function) {
  if (pool.oom_ladder.empty()) return;
  const json::object all = read_memory(state_path(kMemory));
  const json::value* guest = all.if_contains(key_);
  if (guest != nullptr && guest->is_string()) stand_on(json::value_to<std::string>(*guest));
}

// A guest that is no longer of the ladder is none, and one that is no greater neither.
void Ladder::stand_on(const std::string& guest) {
  const auto& all = pool_.oom_ladder;
  if (!guest_fits(guest, settings_.guest) && std::find(all.begin(), all.end(), guest) != all.end())
    settings_ = rung_of(pool_, guest);
}

bool Ladder::climb() {
  const auto& all = pool_.oom_ladder;
  const auto here = std::find(all.begin(), all.end(), settings_.guest);
  const auto next = std::find_if(here == all.end() ? all.begin() : here + 1, all.end(),
                                 [&](const auto& guest) { return !guest_fits(guest, settings_.guest); });
  if (next == all.end()) return false;
  stand_on(*next);
  remember(key_, *next);
  return true;
}

}  // namespace flame::client
