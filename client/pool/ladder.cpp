#include "client/pool/ladder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::size_t kFileMaxBytes = 256 * 1024;
constexpr std::size_t kRememberedMax = 500;  // functions; then it begins anew
constexpr std::size_t kNameMax = 32;         // of a pool

// $XDG_STATE_HOME/flame/guests.json; empty: there is no place.
std::string memory_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string path;
  if (state != nullptr && *state == '/')
    path = state;
  else if (home != nullptr && *home == '/')
    path = std::string(home) + "/.local/state";
  return path.empty() ? "" : path + "/flame/guests.json";
}

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
  const std::string path = memory_path(), fresh = path + "." + std::to_string(::getpid());
  if (path.empty()) return;
  json::object all = read_memory(path);
  if (all.size() >= kRememberedMax) all.clear();
  all[key] = guest;
  for (std::size_t at = 1; (at = path.find('/', at)) != std::string::npos; ++at)
    ::mkdir(path.substr(0, at).c_str(), 0700);
  try {
    const UniqueFd fd = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (write_all(fd.get(), json::serialize(all)) && ::rename(fresh.c_str(), path.c_str()) == 0) return;
  } catch (const Error&) {  // then the next call finds out for itself
  }
  ::unlink(fresh.c_str());
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
  const json::object all = read_memory(memory_path());
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
