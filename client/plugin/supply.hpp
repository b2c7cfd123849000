// A plugin of this computer as a runner may need it: what travels with it, and sending it where it is
// lacking.
#pragma once
#include <cstdint>
#include <optional>

#include "base/error.hpp"
#include "client/plugin/ship.hpp"

namespace flame::client {

class Supply {
 public:
  Supply() = default;  // a plugin that only the image has
  Supply(const PluginFile& plugin, const std::vector<std::string>& with, bool may_send);

  // The member "files" of a bind, or "" when the plugin stands alone.
  const std::string& files_json() const { return files_json_; }
  // Whether sending the plugin is the answer to this end of a call; a few times at most.
  bool can_mend(const Error& error) const;
  void send(Link& link, Deadline deadline, const ShipProgress& progress, int wake_fd = -1);  // throws Error
  const std::vector<ShipFile>& files() const { return files_; }  // of a set; empty: the plugin stands alone
  // Whether the plugin's path leads to another file, or its file was written to, since it was read.
  enum class Change : std::uint8_t { none, replaced, written };
  Change change() const;

 private:
  std::optional<PluginFile> plugin_;
  std::vector<ShipFile> files_;  // of a set; empty: found out when needed
  std::string files_json_;
  bool may_send_ = false;
  int sent_ = 0;
};

}  // namespace flame::client
