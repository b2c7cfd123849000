#include "client/plugin/plugin_cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "client/plugin/limits.hpp"
#include "wire/frame.hpp"

namespace flame::client {
namespace {

constexpr std::string_view kMagic = "flame-plugin-1\n";
// A file that was written so shortly ago may be written again without a change of its times.
constexpr std::int64_t kSettledNs = 2'000'000'000;

std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return sum;
}

struct Writer {
  std::string out;
  void number(std::uint64_t value) { wire::put_u64(out, value); }
  void text(std::string_view value) {
    wire::put_u32(out, static_cast<std::uint32_t>(value.size()));
    out += value;
  }
};

struct Damaged {};

struct Reader {
  std::string_view in;
  std::uint64_t number() {
    const std::uint64_t value = wire::get_u64(take(8).data());
    return value;
  }
  std::string text() { return std::string(take(wire::get_u32(take(4).data()))); }
  std::string_view take(std::size_t bytes) {
    if (bytes > in.size()) throw Damaged();
    const std::string_view out = in.substr(0, bytes);
    in.remove_prefix(bytes);
    return out;
  }
  // Each counted thing has at least one byte, so that a wrong count cannot make us allocate.
  std::uint64_t count() {
    const std::uint64_t value = number();
    if (value > in.size()) throw Damaged();
    return value;
  }
};

void put_key(Writer& out, const FileKey& key) {
  for (const std::uint64_t value :
       {key.device, key.inode, key.bytes, static_cast<std::uint64_t>(key.modified_ns),
        static_cast<std::uint64_t>(key.changed_ns)})
    out.number(value);
}

FileKey take_key(Reader& in) {
  FileKey key;
  key.device = in.number();
  key.inode = in.number();
  key.bytes = in.number();
  key.modified_ns = static_cast<std::int64_t>(in.number());
  key.changed_ns = static_cast<std::int64_t>(in.number());
  return key;
}

void put_needs(Writer& out, const Needs& needs) {
  out.number(needs.machine);
  out.number(needs.isa_level);
  out.number(needs.abi);
  out.number((needs.executable_stack ? 1U : 0U) | (needs.text_relocations ? 2U : 0U));
  out.text(needs.search_path);
  out.number(needs.libraries.size());
  for (const auto& library : needs.libraries) out.text(library);
  out.number(needs.versions.size());
  for (const auto& need : needs.versions) {
    out.text(need.library);
    out.text(need.version);
    out.number(need.weak ? 1 : 0);
  }
}

Needs take_needs(Reader& in) {
  Needs needs;
  needs.machine = static_cast<std::uint16_t>(in.number());
  needs.isa_level = static_cast<std::uint32_t>(in.number());
  needs.abi = static_cast<std::uint32_t>(in.number());
  const std::uint64_t bits = in.number();
  needs.executable_stack = (bits & 1) != 0;
  needs.text_relocations = (bits & 2) != 0;
  needs.search_path = in.text();
  for (std::uint64_t left = in.count(); left > 0; --left) needs.libraries.push_back(in.text());
  for (std::uint64_t left = in.count(); left > 0; --left) {
    VersionNeed need{in.text(), in.text()};
    need.weak = in.number() != 0;
    needs.versions.push_back(std::move(need));
  }
  return needs;
}

std::string entry_path(const std::string& directory, const FileKey& key) {
  return directory + "/" + std::to_string(key.device) + "-" + std::to_string(key.inode);
}

// Makes room: the entry that was written longest ago goes.
void bound(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(directory.c_str()), ::closedir);
  if (!list) return;
  std::size_t count = 0;
  std::string oldest;
  std::int64_t oldest_ns = 0;
  while (const dirent* one = ::readdir(list.get())) {
    struct stat status {};
    if (::fstatat(::dirfd(list.get()), one->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    const std::int64_t at = FileKey::of(status).modified_ns;
    if (++count == 1 || at < oldest_ns) {
      oldest = one->d_name;
      oldest_ns = at;
    }
  }
  if (count > kPluginCacheMaxCount) ::unlinkat(::dirfd(list.get()), oldest.c_str(), 0);
}

bool settled(const FileKey& key) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t now_ns = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  return std::max(key.changed_ns, key.modified_ns) + kSettledNs < now_ns;
}

}  // namespace

std::string encode_cache_entry(const FileKey& key, const PluginFile& file) {
  Writer body;
  put_key(body, key);
  body.text(file.sha256);
  put_needs(body, file.needs);
  body.number(file.functions ? 1 : 0);
  body.number(file.functions ? file.functions->size() : 0);
  if (file.functions)
    for (const auto& one : *file.functions)
      for (const auto* text : {&one.name, &one.signature, &one.flags, &one.guest}) body.text(*text);
  Writer out{std::string(kMagic)};
  out.number(checksum(body.out));
  return out.out + body.out;
}

std::optional<PluginFile> decode_cache_entry(std::string_view bytes, const FileKey& key) {
  try {
    Reader in{bytes};
    if (in.take(kMagic.size()) != kMagic) return std::nullopt;
    const std::uint64_t sum = in.number();
    if (sum != checksum(in.in) || !(take_key(in) == key)) return std::nullopt;
    PluginFile file;
    file.sha256 = in.text();
    file.needs = take_needs(in);
    const bool manifest = in.number() == 1;
    if (manifest) file.functions.emplace();
    for (std::uint64_t left = in.count(); left > 0 && manifest; --left) {
      ManifestFunction one;
      for (auto* text : {&one.name, &one.signature, &one.flags, &one.guest}) *text = in.text();
      file.functions->push_back(std::move(one));
    }
    return in.in.empty() ? std::optional(std::move(file)) : std::nullopt;
  } catch (const Damaged&) {
    return std::nullopt;
  }
}

std::string cache_dir() {
  const char* base = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::string path;
  if (base != nullptr && *base == '/')
    path = base;
  else if (home != nullptr && *home == '/')
    path = std::string(home) + "/.cache";
  return path.empty() ? path : path + "/flame";
}

bool make_cache_dir(const char* name) {
  const std::string base = cache_dir(), directory = base + "/" + name;
  if (base.empty()) return false;
  for (const std::string& one : {base.substr(0, base.rfind('/')), base, directory})
    ::mkdir(one.c_str(), 0700);
  return ::access(directory.c_str(), W_OK) == 0;
}

std::optional<PluginFile> recall_plugin(const FileKey& key, const char* folder) noexcept {
  try {
    const std::string directory = cache_dir();
    if (directory.empty()) return std::nullopt;
    const UniqueFd fd(::open(entry_path(directory + "/" + folder, key).c_str(),
                             O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
    // What another user could have written there is not believed.
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
      return std::nullopt;
    if (static_cast<std::uint64_t>(status.st_size) > kPluginCacheEntryMaxBytes) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    if (read_full(fd.get(), bytes.data(), bytes.size()) != status.st_size) return std::nullopt;
    return decode_cache_entry(bytes, key);
  } catch (...) {
    return std::nullopt;
  }
}

void remember_plugin(const FileKey& key, const PluginFile& file, const char* folder) noexcept {
  try {
    if (!settled(key)) return;
    const std::string entry = encode_cache_entry(key, file);
    if (entry.size() > kPluginCacheEntryMaxBytes || !make_cache_dir(folder)) return;
    const std::string directory = cache_dir() + "/" + folder;
    write_file_atomic(entry_path(directory, key), entry, 0600);
    bound(directory);
  } catch (...) {
    // The next call reads the plugin again; that is all.
  }
}

}  // namespace flame::client
