// What was learnt of a plugin's file, kept under $XDG_CACHE_HOME/flame/plugins, so that a warm call hashes
// and parses nothing. One small file per plugin, named by device and inode; believed only when size, mtime
// and ctime are those of the file and its own checksum holds. A cache: whatever fails here is as if nothing
// had been kept.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "client/plugin/plugin_file.hpp"

namespace flame::client {

// Everything of `file` but the path and the docs.
std::string encode_cache_entry(const FileKey& key, const PluginFile& file);
// nullopt when the bytes are damaged, of another version of flame, or of another key.
std::optional<PluginFile> decode_cache_entry(std::string_view bytes, const FileKey& key);

std::optional<PluginFile> recall_plugin(const FileKey& key, const char* folder = "plugins") noexcept;
void remember_plugin(const FileKey& key, const PluginFile& file, const char* folder = "plugins") noexcept;

// The user's cache directory for flame ("…/flame"); empty when there is none.
std::string cache_dir();
// Makes that directory and `name` in it; false when it cannot be.
bool make_cache_dir(const char* name);

}  // namespace flame::client
