#include "client/plugin/supply.hpp"

namespace flame::client {
namespace {

constexpr int kSendMaxCount =
    8;  // another runner may lack it too; a store that keeps nothing is no reason to go on

std::optional<FileKey> key_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileKey::of(status);
}

}  // namespace

Supply::Supply(const PluginFile& plugin, const std::vector<std::string>& with, bool may_send)
    : plugin_(plugin), may_send_(may_send) {
  if (!may_have_set(plugin, with)) return;
  files_ = collect_set(plugin, with);
  files_json_ = set_json(files_);
}

bool Supply::can_mend(const Error& error) const {
  return plugin_ && may_send_ && sent_ < kSendMaxCount && error.kind == ErrorKind::plugin_missing &&
         error.fate == Fate::never_begun;
}

void Supply::send(Link& link, Deadline deadline, const ShipProgress& progress, int wake_fd) {
  ++sent_;
  if (files_.empty()) files_ = collect_set(*plugin_, {});
  ship(link, files_, deadline, progress, wake_fd);
}

Supply::Change Supply::change() const {
  if (!plugin_) return Change::none;
  const FileKey& key = plugin_->key;
  const auto now = key_of(plugin_->path);
  if (now == key) return Change::none;
  const bool same_file = now && now->device == key.device && now->inode == key.inode;
  // A link to it, or its mode, is no other content.
  if (same_file && now->bytes == key.bytes && now->modified_ns == key.modified_ns) return Change::none;
  return same_file ? Change::written : Change::replaced;
}

}  // namespace flame::client
