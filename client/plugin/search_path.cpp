#include "client/plugin/search_path.hpp"

#include <sys/stat.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

namespace flame::client {
namespace {

std::optional<std::string> origin_directory(std::string_view entry, const std::string& origin) {
  for (const std::string_view mark : {"${ORIGIN}", "$ORIGIN"}) {
    if (!entry.starts_with(mark)) continue;
    const std::string_view rest = entry.substr(mark.size());
    if (!rest.empty() && rest[0] != '/') return std::nullopt;
    return origin + std::string(rest);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_beside(const std::string& file, const std::string& search_path,
                                       const std::string& library) {
  if (library.find('/') != std::string::npos) return std::nullopt;
  const std::string origin = file.substr(0, file.rfind('/'));
  for (std::size_t at = 0; at <= search_path.size();) {
    const std::size_t end = std::min(search_path.find(':', at), search_path.size());
    const auto directory = origin_directory(std::string_view(search_path).substr(at, end - at), origin);
    at = end + 1;
    if (!directory) continue;
    std::array<char, PATH_MAX> real{};
    struct stat status {};
    if (::realpath((*directory + "/" + library).c_str(), real.data()) == nullptr) continue;
    if (::stat(real.data(), &status) == 0 && S_ISREG(status.st_mode)) return std::string(real.data());
  }
  return std::nullopt;
}

}  // namespace flame::client
