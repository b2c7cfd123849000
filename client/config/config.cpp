#include "client/config/config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "client/config/pool_keys.hpp"
#include "client/config/toml_file.hpp"
#include "client/pool/backend.hpp"
#include "client/pool/guest.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kFileMaxBytes = 1024 * 1024;

std::string working_directory() {
  std::array<char, PATH_MAX> buffer;
  return ::getcwd(buffer.data(), buffer.size()) != nullptr ? buffer.data() : "";
}

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

// The file of this name in the working directory or the nearest above it; empty when there is none.
std::string nearest_upward(const char* name) {
  std::string directory = working_directory();
  while (directory.starts_with('/')) {
    std::string path = directory == "/" ? "/" : directory + "/";
    if (exists(path += name)) return path;
    if (directory == "/") break;
    directory.resize(std::max<std::size_t>(1, directory.rfind('/')));
  }
  return {};
}

std::string users_file() {
  const char* base = std::getenv("XDG_CONFIG_HOME");
  if (base != nullptr && *base == '/') return std::string(base) + "/flame/flame.toml";
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::string(home) + "/.config/flame/flame.toml" : "";
}

// It decides what is run and where money is spent: nobody else may have written it.
std::string read_trusted(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw system_error("cannot look at '" + path + "'", errno);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::config, "'" + path + "' is not a file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    throw Error(ErrorKind::config, "'" + path + "' is not used: it belongs to another user",
                "a flame.toml must be yours or root's");
  if ((status.st_mode & 022) != 0)
    throw Error(ErrorKind::config, "'" + path + "' is not used: others may write to it",
                "chmod go-w " + path);
  return read_fd(fd.get(), kFileMaxBytes);
}

std::string read_config_file(const std::string& path) {
  try {
    return read_trusted(path);
  } catch (Error& error) {
    error.kind = ErrorKind::config;
    throw;
  }
}

// "0.10" against "0.9.1": by numbers; what is missing is 0.
bool newer(std::string_view wanted, std::string_view ours) {
  while (!wanted.empty() || !ours.empty()) {
    const auto take = [](std::string_view& text) {
      const std::string part(text.substr(0, text.find('.')));
      text.remove_prefix(std::min(text.size(), part.size() + 1));
      return std::strtoul(part.c_str(), nullptr, 10);
    };
    const unsigned long w = take(wanted), o = take(ours);
    if (w != o) return w > o;
  }
  return false;
}

std::string near_hint(const std::string& word, const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return near ? "did you mean '" + *near + "'?" : "flame.toml(5) lists them; x-… is yours";
}

void check_needs(const std::vector<TomlEntry>& entries, const std::string& file) {
  for (const TomlEntry& entry : entries) {
    if (entry.path != std::vector<std::string>{"needs"}) continue;
    const std::string at = file + ":" + std::to_string(entry.line) + ": ";
    if (entry.value.kind != TomlValue::Kind::text)
      throw Error(ErrorKind::config, at + "needs wants a string such as \"0.1\", got " + entry.value.json);
    if (newer(entry.value.text, FLAME_VERSION))
      throw Error(ErrorKind::config, at + "it needs flame " + entry.value.text + ", this is " FLAME_VERSION,
                  "install a newer flame");
  }
}

void apply_entry(const TomlEntry& entry, const std::string& at, Config& config) {
  const std::string& word = entry.path.back();
  if (word.starts_with("x-") || entry.path.front().starts_with("x-")) return;
  if (entry.path.size() < 3) {
    if (word == "needs") return;
    if (entry.path.front() == "pool")
      throw Error(ErrorKind::config, at + "'pool' holds tables: [pool.NAME]",
                  "write [pool.default] above the keys");
    throw Error(ErrorKind::config, at + "unknown key '" + word + "'", near_hint(word, {"needs", "pool"}));
  }
  const PoolKey* key = find_pool_key(word);
  if (key == nullptr) {
    std::vector<std::string> known;
    for (const PoolKey& one : pool_keys()) known.emplace_back(one.name);
    throw Error(ErrorKind::config, at + "unknown key '" + word + "'", near_hint(word, known));
  }
  const bool ours = entry.path[1] == config.pool.name && !config.origins.contains(word);
  try {
    PoolSettings unused;  // the other pools are checked as well
    set_pool_key(ours ? config.pool : unused, *key, entry.value);
  } catch (Error& error) {
    error.message = at + error.message;
    throw;
  }
  if (ours) config.origins[word] = at.substr(0, at.size() - 2);
}

void check_limits(const Config& config) {
  const PoolSettings& pool = config.pool;
  constexpr std::uint64_t most = 10'000, slots_most = 4096;
  const auto bad = [&](const char* key, const std::string& why) {
    const auto at = config.origins.find(key);
    throw Error(ErrorKind::config, (at != config.origins.end() ? at->second + ": " : "") + key + " " + why);
  };
  if (pool.max == 0 || pool.max > most) bad("max", "is from 1 to " + std::to_string(most));
  if (pool.min > pool.max) bad("min", "is more than max, which is " + std::to_string(pool.max));
  if (pool.surge > most) bad("surge", "is at most " + std::to_string(most));
  if (pool.spares > pool.max) bad("spares", "is more than max, which is " + std::to_string(pool.max));
  if (pool.slots > slots_most) bad("slots", "is at most " + std::to_string(slots_most));
}

// NAME-GUEST, of a guest of the pool's oom_ladder or any that is named as guests are: as NAME, but for its
// guest.
bool apply_rung(const std::string& pool, Config& config) {
  Config base = config;
  base.pool = PoolSettings();
  base.pool.name = pool;
  base.pool.backend = config.pool.backend;
  for (const std::string& file : base.files) apply_config_text(read_config_file(file), file, base);
  std::vector<std::string> guests = base.pool.oom_ladder;
  guests.push_back(guest_in_name(std::string_view(config.pool.name).substr(pool.size() + 1)));
  for (const std::string& guest : guests) {
    if (guest.empty()) continue;
    const PoolSettings rung = rung_of(base.pool, guest);
    if (rung.name != config.pool.name) continue;
    base.pool = rung;
    config = std::move(base);
    return true;
  }
  return false;
}

// The stronger files first: what is set is not set again.
void apply_files(Config& config) {
  std::vector<std::string> pools;
  for (const std::string& file : config.files)
    for (std::string& name : apply_config_text(read_config_file(file), file, config))
      pools.push_back(std::move(name));
  const std::string& name = config.pool.name;
  if (pools.empty() || name == "default" || std::find(pools.begin(), pools.end(), name) != pools.end())
    return;
  pools.emplace_back("default");
  for (const std::string& pool : pools)
    if (name.starts_with(pool + "-") && apply_rung(pool, config)) return;
  throw Error(ErrorKind::config, "there is no pool '" + name + "' in " + config.files.front(),
              near_hint(name, pools));
}

}  // namespace

std::vector<std::string> config_files() {
  std::vector<std::string> out;
  if (std::string project = nearest_upward("flame.toml"); !project.empty()) out.push_back(std::move(project));
  if (std::string users = users_file(); !users.empty() && exists(users) && (out.empty() || out[0] != users))
    out.push_back(std::move(users));
  return out;
}

std::vector<std::string> apply_config_text(std::string_view text, const std::string& file, Config& config) {
  const std::vector<TomlEntry> entries = parse_toml(text, file);
  check_needs(entries, file);
  std::vector<std::string> pools;
  for (const TomlEntry& entry : entries) {
    apply_entry(entry, file + ":" + std::to_string(entry.line) + ": ", config);
    if (entry.path.size() == 3) pools.push_back(entry.path[1]);
  }
  return pools;
}

std::vector<std::string> pool_names() {
  std::vector<std::string> out = {"default"};
  Config unused;
  for (const std::string& file : config_files())
    for (std::string& name : apply_config_text(read_config_file(file), file, unused))
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  return out;
}

Config load_config(const std::optional<std::string>& pool_flag) {
  Config out;
  const char* pool = std::getenv("FLAME_POOL");
  if (pool_flag) {
    out.pool.name = *pool_flag;
    out.origins["pool"] = "flag";
  } else if (pool != nullptr && *pool != 0) {
    out.pool.name = pool;
    out.origins["pool"] = "FLAME_POOL";
  }
  if (const char* backend = std::getenv("FLAME_BACKEND"); backend != nullptr && *backend != 0) {
    out.pool.backend = backend;
    out.origins["backend"] = "FLAME_BACKEND";
  }
  out.files = config_files();
  if (out.files.empty()) return out;
  apply_files(out);
  check_limits(out);
  return out;
}

std::string engine_advice(const Config& config) {
  if (config.origins.contains("backend")) return {};
  const char* reason = nullptr;
  for (const char* variable : {"FLY_APP_NAME", "FLY_API_TOKEN"})
    if (std::getenv(variable) != nullptr) reason = variable;
  if (reason == nullptr && !nearest_upward("fly.toml").empty()) reason = "fly.toml";
  if (reason == nullptr) return {};
  try {
    (void)find_backend("fly");
  } catch (const Error&) {
    return {};  // there is nothing to switch to
  }
  return std::string("there is ") + reason +
         ", and this computer's own engine is used: nothing is spent.\n"
         "hint: backend = \"fly\" under [pool.default] in flame.toml, or FLAME_BACKEND=fly, switches; this "
         "is said once";
}

}  // namespace flame::client
