#include "client/pool/place.hpp"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kFileMaxBytes = 1024 * 1024;

// The nearest fly.toml upward, whole: what it says else does no harm to a name.
std::string nearest_fly_toml() {
  std::array<char, PATH_MAX> cwd{};
  if (::getcwd(cwd.data(), cwd.size()) == nullptr) return {};
  for (std::string directory = cwd.data();; directory = directory.substr(0, directory.rfind('/'))) {
    const std::string path = directory + "/fly.toml";
    try {
      if (::access(path.c_str(), R_OK) == 0) return read_file(path, kFileMaxBytes);
    } catch (const Error&) {  // the backend says what is wrong with it
      return {};
    }
    if (directory.empty() || directory.rfind('/') == std::string::npos) return {};
  }
}

}  // namespace

std::string engine_place(const PoolSettings& settings) {
  if (settings.backend != "fly") return {};
  std::string text;
  bool named = settings.engine_settings.find("\"app\":") != std::string::npos;
  for (const char* name : {"FLY_FLAPS_BASE_URL", "FLY_APP_NAME", "FLY_APP"}) {
    const char* value = std::getenv(name);
    text += std::string(value != nullptr ? value : "") + "\n";
    named = named || (value != nullptr && *value != '\0' && name != std::string_view("FLY_FLAPS_BASE_URL"));
  }
  if (!named) text += nearest_fly_toml();
  return "." + hex(sha256(settings.engine_settings + "\n" + text)).substr(0, 8);
}

}  // namespace flame::client
