#include "client/plugin/plugin_file.hpp"

#include <elf.h>
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "client/plugin/plugin_cache.hpp"

namespace flame::client {
namespace {

constexpr std::uint32_t kAbi = 1;

Error unloadable(std::string why, std::string hint = {}) {
  return Error(ErrorKind::plugin_unloadable, std::move(why), std::move(hint));
}

std::string absolute(const std::string& path) {
  std::array<char, PATH_MAX> out{};
  if (::realpath(path.c_str(), out.data()) != nullptr) return out.data();
  const bool missing = errno == ENOENT || errno == ENOTDIR;
  throw Error(missing ? ErrorKind::plugin_missing : ErrorKind::plugin_unloadable,
              "no plugin '" + path + "': " + errno_text(errno));
}

// The kernel knows the name of what is open: one question, where realpath asks for each folder.
std::string absolute(const std::string& path, int fd) {
  std::array<char, PATH_MAX> out{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), out.data(), out.size());
  const std::string_view name(out.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  if (name.size() == out.size() || !name.starts_with('/') || name.ends_with(" (deleted)"))
    return absolute(path);
  return std::string(name);
}

FileKey look_at(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw system_error("cannot look at it", errno);
  if (S_ISDIR(status.st_mode)) throw unloadable("it is a directory");
  if (!S_ISREG(status.st_mode)) throw unloadable("it is not a file");
  return FileKey::of(status);
}

void read_tables(OpenPlugin& plugin) {
  plugin.source = std::make_unique<FileSource>(plugin.fd.get(), plugin.key.bytes);
  plugin.elf = read_elf(*plugin.source);
  if (const ElfSection* section = plugin.elf.section(".flame.manifest"); section != nullptr)
    plugin.manifest = parse_manifest(plugin.source->at(section->offset, section->bytes));
  plugin.elf.for_each_symbol([&](const ElfSymbol& one) {
    if (one.defined && one.name == "flame_plugin_v1") plugin.exports_entry = true;
  });
}

// Adds the plugin's name to whatever goes wrong in body.
template <class Body>
void about_plugin(const std::string& path, const Body& body) {
  try {
    body();
  } catch (Error& error) {
    if (error.kind == ErrorKind::system) error.kind = ErrorKind::plugin_unloadable;
    error.message = "cannot use the plugin '" + path + "': " + error.message;
    throw;
  }
}

// Sets path and fd. What cannot be opened is told by its absolute name.
void open_at(OpenPlugin& plugin, const std::string& path) {
  constexpr int flags = O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  plugin.fd = UniqueFd(::open(path.c_str(), flags));
  plugin.path = plugin.fd ? absolute(path, plugin.fd.get()) : absolute(path);
  if (!plugin.fd) about_plugin(path, [&] { plugin.fd = open_file(plugin.path, flags); });
}

PluginFile summary_of(OpenPlugin& plugin) {
  PluginFile file;
  file.path = plugin.path;
  file.key = plugin.key;
  file.needs = needs_of(plugin.elf, plugin.manifest ? plugin.manifest->abi_needed : 0);
  if (plugin.manifest) file.functions = plugin.manifest->functions;
  file.sha256 = hex(sha256_fd(plugin.fd.get()));
  return file;
}

}  // namespace

// A runner of another machine type than this computer's is told apart
// by the facts of its image; without them ours is the best guess.
void refuse_unloadable(const OpenPlugin& plugin) {
  const Elf& elf = plugin.elf;
  if (elf.machine != own_machine())
    throw unloadable("it is for " + machine_name(elf.machine) + ", the runner is " +
                     machine_name(own_machine()));
  if (!elf.is_64 || !elf.little_endian || elf.type != ET_DYN)
    throw unloadable("it is not a 64-bit shared object");
  if (plugin.manifest && plugin.manifest->abi_needed > kAbi)
    throw Error(ErrorKind::abi_mismatch,
                "it needs ABI " + std::to_string(plugin.manifest->abi_needed) + ", this flame speaks ABI " +
                    std::to_string(kAbi),
                "install a newer flame, or build the plugin with an older SDK");
  if (!plugin.exports_entry)
    throw unloadable("it does not export flame_plugin_v1",
                     "a plugin is made with the SDK; see flame/plugin.h");
}

const ManifestFunction* PluginFile::find(const std::string& function) const {
  if (!functions) return nullptr;
  std::vector<std::string> names;
  for (const auto& one : *functions) {
    if (one.name == function) return &one;
    names.push_back(one.name);
  }
  const auto near = nearest(function, names);
  throw Error(ErrorKind::unknown_function, "'" + path + "' has no function '" + function + "'",
              near ? "did you mean '" + *near + "'?" : "");
}

PluginFile read_plugin(const std::string& path) {
  OpenPlugin plugin;
  open_at(plugin, path);
  PluginFile file;
  about_plugin(path, [&] {
    plugin.key = look_at(plugin.fd.get());
    if (auto known = recall_plugin(plugin.key); known && known->needs.abi <= kAbi) {
      file = std::move(*known);
      file.path = plugin.path;
      file.key = plugin.key;
      return;
    }
    read_tables(plugin);
    refuse_unloadable(plugin);
    file = summary_of(plugin);
    // Only if nobody wrote to it while it was read.
    if (look_at(plugin.fd.get()) == plugin.key) remember_plugin(plugin.key, file);
  });
  return file;
}

OpenPlugin open_plugin(const std::string& path) {
  OpenPlugin plugin;
  open_at(plugin, path);
  about_plugin(path, [&] {
    plugin.key = look_at(plugin.fd.get());
    read_tables(plugin);
  });
  return plugin;
}

std::optional<std::string> OpenPlugin::known_sha256() const {
  const auto known = recall_plugin(key);
  return known ? std::optional(known->sha256) : std::nullopt;
}

std::string OpenPlugin::sha256() {
  if (auto known = known_sha256()) return *known;
  const PluginFile file = summary_of(*this);
  try {
    refuse_unloadable(*this);
    if (look_at(fd.get()) == key) remember_plugin(key, file);
  } catch (const Error&) {
    // What may not be run is not remembered as if it might.
  }
  return file.sha256;
}

}  // namespace flame::client
