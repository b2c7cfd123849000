// The plugin as it was when a map began, for runners that lack it: whatever its path leads to later.
#pragma once
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "client/plugin/supply.hpp"

namespace flame::client {

class MapSupply {
 public:
  MapSupply(const PluginFile& plugin, const std::vector<std::string>& with, bool may_send);

  const std::string& files_json() const { return supply_.files_json(); }
  bool can_mend(const Error& error) const { return supply_.can_mend(error); }
  Supply::Change change() const { return supply_.change(); }
  // What to send. The plugin's bytes are those of the file that was opened at the beginning.
  std::vector<ShipFile> files() const;

 private:
  UniqueFd fd_;  // before supply_: what is replaced in between is found out
  std::string sha256_, name_;
  Supply supply_;
};

}  // namespace flame::client
