// Where a plugin's bytes come from: a file of this machine whose content has the wanted hash, or the store.
#pragma once
#include <array>
#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "runner/incoming.hpp"
#include "runner/options.hpp"
#include "runner/plugin_store.hpp"

namespace flame::runner {

// What a bind asks for.
struct PluginRequest {
  std::string path;            // where the client thinks it is, or ""
  std::string sha256;          // empty: whatever is at path
  std::vector<SetFile> files;  // of its set, itself first; empty: it stands alone
};

struct PluginFile {
  UniqueFd fd;  // the bytes whose hash was checked
  std::string path;
  std::string load_path;  // the same file by name, so that $ORIGIN works; empty: by the descriptor
  std::string sha256;     // hex
  // What its worker's own loader needs to be told: LD_LIBRARY_PATH for libraries that travel with it,
  // LD_PRELOAD for a sanitizer's runtime.
  std::vector<std::string> environment;
};

class PluginSource {
 public:
  explicit PluginSource(const Options& options);

  // In this order: the path, a plugin directory's file of that name, bytes that were loaded from there
  // before, the store. Throws Error(plugin_missing) when there is no such file with those bytes.
  PluginFile open(const PluginRequest& request);
  // The same answer for less, for a bind: what was found once is believed until open() fails.
  void check(const PluginRequest& request);

  PluginStore& store() { return store_; }
  Incoming& incoming() { return incoming_; }

 private:
  // device, inode, size, mtime, ctime
  using Identity = std::array<std::int64_t, 5>;
  struct Kept {
    std::string sha256;
    UniqueFd fd;
    std::int64_t bytes = 0, modified_ns = 0;
  };

  PluginFile find(const PluginRequest& request);
  static Identity identity_of(int fd);  // Error(plugin_unloadable) when it is no file
  std::string hash_of(int fd);
  // A file with those bytes at path; no fd when there is none. sha256 empty: any bytes.
  PluginFile try_open(const std::string& path, const std::string& sha256);
  bool set_is_in_place(const std::string& plugin_path, const std::vector<SetFile>& files);
  PluginFile from_store(const PluginRequest& request);
  void prepare(PluginFile& file, const PluginRequest& request);
  void keep(const PluginFile& file);
  PluginFile kept(const PluginRequest& request);

  const std::vector<std::string>& directories_;
  PluginStore store_;
  Incoming incoming_;
  std::map<Identity, std::string> hashes_;  // so that a warm call hashes nothing
  std::list<Kept> kept_;                    // used last first
  std::set<std::string> found_;             // requests that were answered well
};

// Tells a file that was written or replaced from what it was, for much less than a hash.
std::string file_version(const std::string& path);

struct Bind;
PluginRequest request_of(const Bind& bind);

// The name under which calls of one request share workers: two versions of a plugin never do.
std::string request_key(const PluginRequest& request);

}  // namespace flame::runner
