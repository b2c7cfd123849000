// Plugins that the image lacks, kept by content: DIR/blobs/SHA256.so, and sets of them under their own names,
// DIR/sets/HASH/…, as hard links. What was used longest ago goes when the limit is reached. The directory is
// this runner's alone.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/hash.hpp"

namespace flame::runner {

// A file that belongs to a plugin, where it lies below the set's directory. The first of a set is the plugin.
struct SetFile {
  std::string path, sha256;
};

class PluginStore {
 public:
  // Makes nothing until something is stored.
  // shared: workers run as another user, and must reach what is in it.
  PluginStore(std::string directory, std::uint64_t max_bytes, bool shared)
      : directory_(std::move(directory)), max_bytes_(max_bytes), shared_(shared) {}

  bool has(const std::string& sha256);
  // Where the bytes are, or "": counts as a use.
  std::string find(const std::string& sha256);
  // The directory in which the files of a set lie under their names, or "" when one of them is missing.
  std::string find_set(const std::vector<SetFile>& files);
  void forget(const std::string& sha256);  // its bytes turned out to be others

  std::uint64_t max_bytes() const { return max_bytes_; }
  std::uint64_t used_bytes() const { return used_bytes_; }

  // One blob on its way in. Destroyed before install(), it leaves nothing behind.
  class Writer {
   public:
    // Throws Error(limit) when it is more than the store may hold.
    Writer(PluginStore& store, std::string sha256);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    void write(std::string_view bytes);
    std::uint64_t have() const { return have_; }
    void install();  // throws Error(protocol) when the bytes are not those of sha256

   private:
    PluginStore& store_;
    std::string sha256_, path_;
    UniqueFd fd_;
    Sha256 hash_;
    std::uint64_t have_ = 0;
    bool installed_ = false;
  };

 private:
  struct Blob {
    std::uint64_t bytes = 0, used = 0;  // used: a counter, not a time
    std::vector<std::string> sets;      // that link to it
  };

  void open();
  void scan();
  std::string blob_path(const std::string& sha256) const { return directory_ + "/blobs/" + sha256 + ".so"; }
  std::string set_path(const std::string& hash) const { return directory_ + "/sets/" + hash; }
  void add(const std::string& sha256, std::uint64_t bytes);
  void drop(const std::string& sha256);
  void make_room(std::uint64_t bytes);

  std::string directory_;
  std::uint64_t max_bytes_, used_bytes_ = 0, clock_ = 0, writers_ = 0;
  bool shared_, opened_ = false;
  std::map<std::string, Blob> blobs_;
};

// The set's own name: the hash of its list. Throws Error(bad_arguments) for a path that leaves the set, is
// absolute or stands there twice.
std::string set_hash(const std::vector<SetFile>& files);

}  // namespace flame::runner
