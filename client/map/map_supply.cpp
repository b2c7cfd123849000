#include "client/map/map_supply.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace flame::client {

MapSupply::MapSupply(const PluginFile& plugin, const std::vector<std::string>& with, bool may_send)
    : fd_(open_file(plugin.path, O_RDONLY | O_NOCTTY)),
      sha256_(plugin.sha256),
      name_(plugin.path.substr(plugin.path.rfind('/') + 1)),
      supply_(plugin, with, may_send) {}

std::vector<ShipFile> MapSupply::files() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw system_error("cannot look at the plugin", errno);
  std::vector<ShipFile> out = supply_.files();
  if (out.empty()) out.resize(1);
  ShipFile& plugin = out.front();
  if (plugin.path.empty()) plugin.path = name_;
  plugin.source = "/proc/self/fd/" + std::to_string(fd_.get());
  plugin.sha256 = sha256_;
  plugin.bytes = static_cast<std::uint64_t>(status.st_size);
  return out;
}

}  // namespace flame::client
