#include "runner/plugin_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "runner/call.hpp"
#include "wire/loaded_elf.hpp"

namespace flame::runner {
namespace {

constexpr std::size_t kHashesMaxCount = 1024;
constexpr std::size_t kKeptMaxCount = 16;
constexpr std::size_t kFoundMaxCount = 1024;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string default_store(const Options& options) {
  if (!options.store_dir.empty()) return options.store_dir;
  if (const std::size_t slash = options.socket_path.rfind('/'); slash != std::string::npos)
    return options.socket_path.substr(0, slash + 1) + options.name + ".store";
  if (::access("/var/cache", W_OK) == 0) return "/var/cache/flame-" + options.name;
  return "/tmp/flame-store-" + std::to_string(::geteuid()) + "-" + options.name;
}

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

// What changes when a file is written to, or replaced.
std::array<std::int64_t, 5> identity_in(const struct stat& status) {
  return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
          nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

}  // namespace

PluginRequest request_of(const Bind& bind) { return {bind.path, bind.sha256, bind.files}; }

std::string request_key(const PluginRequest& request) {
  return request.sha256 + "\n" + request.path + (request.files.empty() ? "" : "\n" + set_hash(request.files));
}

PluginSource::PluginSource(const Options& options)
    : directories_(options.plugin_dirs),
      store_(default_store(options), options.store_max_bytes, worker_uid_of(options).has_value()),
      incoming_(store_) {}

PluginSource::Identity PluginSource::identity_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(ErrorKind::plugin_unloadable, "not a file");
  return identity_in(status);
}

std::string PluginSource::hash_of(int fd) {
  const Identity identity = identity_of(fd);
  const auto known = hashes_.find(identity);
  if (known != hashes_.end()) return known->second;
  std::string hash = hex(sha256_fd(fd));
  if (hashes_.size() >= kHashesMaxCount) hashes_.clear();
  // Only if nobody wrote to it while it was read.
  if (identity_of(fd) == identity) hashes_.emplace(identity, hash);
  return hash;
}

PluginFile PluginSource::try_open(const std::string& path, const std::string& sha256) {
  PluginFile file;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return file;
  try {
    file.sha256 = hash_of(fd.get());
  } catch (Error& error) {
    error.message = "'" + path + "' is " + error.message;
    throw;
  }
  if (!sha256.empty() && file.sha256 != sha256) return file;
  file.fd = std::move(fd);
  file.path = file.load_path = path;
  return file;
}

std::string file_version(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return "none";
  std::string out;
  for (const std::int64_t part : identity_in(status)) out += std::to_string(part) + " ";
  return out;
}

// The other files of a set lie beside the plugin as they did at the client's, with the same bytes.
bool PluginSource::set_is_in_place(const std::string& plugin_path, const std::vector<SetFile>& files) {
  if (files.empty()) return true;
  const std::string own = "/" + files.front().path;
  if (!plugin_path.ends_with(own)) return false;
  const std::string root = plugin_path.substr(0, plugin_path.size() - own.size() + 1);
  return std::all_of(files.begin() + 1, files.end(),
                     [&](const SetFile& one) { return try_open(root + one.path, one.sha256).fd; });
}

PluginFile PluginSource::from_store(const PluginRequest& request) {
  PluginFile file;
  std::string path;
  if (request.files.empty()) {
    path = store_.find(request.sha256);
  } else if (const std::string set = store_.find_set(request.files); !set.empty()) {
    for (const SetFile& one : request.files)
      if (!try_open(set + "/" + one.path, one.sha256).fd) store_.forget(one.sha256);
    path = set + "/" + request.files.front().path;
  }
  if (path.empty()) return file;
  file = try_open(path, request.sha256);
  if (!file.fd) store_.forget(request.sha256);
  return file;
}

// A plugin that is replaced while calls run: those that began go on with the bytes that they began with, also
// when they need another worker.
void PluginSource::keep(const PluginFile& file) {
  kept_.remove_if([&](const Kept& one) { return one.sha256 == file.sha256; });
  struct stat status {};
  UniqueFd copy(::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy || ::fstat(copy.get(), &status) != 0) return;
  kept_.push_front({file.sha256, std::move(copy), status.st_size, nanoseconds(status.st_mtim)});
  if (kept_.size() > kKeptMaxCount) kept_.pop_back();
}

PluginFile PluginSource::kept(const PluginRequest& request) {
  PluginFile file;
  for (const Kept& one : kept_) {
    struct stat status {};
    if (one.sha256 != request.sha256 || ::fstat(one.fd.get(), &status) != 0) continue;
    // Removed or renamed over (which changes ctime) is well; written to is not.
    if (status.st_size != one.bytes || nanoseconds(status.st_mtim) != one.modified_ns) continue;
    file.fd = UniqueFd(::fcntl(one.fd.get(), F_DUPFD_CLOEXEC, 3));
    file.path = request.path;
    file.sha256 = one.sha256;
  }
  return file;
}

// The loader reads these once, when the worker starts; no call sees them.
void PluginSource::prepare(PluginFile& file, const PluginRequest& request) {
  std::set<std::string> folders;
  for (const SetFile& one : request.files) {
    const std::string own = "/" + request.files.front().path;
    if (one.path.find(".so") == std::string::npos || !file.load_path.ends_with(own)) continue;
    const std::string full = file.load_path.substr(0, file.load_path.size() - own.size() + 1) + one.path;
    folders.insert(full.substr(0, full.rfind('/')));
  }
  std::string path;
  for (const auto& folder : folders) path += (path.empty() ? "" : ":") + folder;
  if (!path.empty()) file.environment.push_back("LD_LIBRARY_PATH=" + path);
  const std::string runtime = wire::read_loaded_elf(file.fd.get()).sanitizer;
  if (runtime.empty()) return;
  file.environment.push_back("LD_PRELOAD=" + runtime);
  // So that a report ends in a signal, which is told with its place.
  file.environment.push_back("ASAN_OPTIONS=abort_on_error=1:detect_leaks=0");
  file.environment.push_back("TSAN_OPTIONS=abort_on_error=1");
}

PluginFile PluginSource::open(const PluginRequest& request) {
  PluginFile file = find(request);
  prepare(file, request);
  return file;
}

PluginFile PluginSource::find(const PluginRequest& request) {
  std::vector<std::string> places;
  if (!request.path.empty()) places.push_back(request.path);
  if (!request.path.empty() && !request.sha256.empty())
    for (const auto& directory : directories_) places.push_back(directory + "/" + base_name(request.path));
  bool other_bytes = false;
  for (const auto& place : places) {
    PluginFile file = try_open(place, request.sha256);
    other_bytes = other_bytes || (!file.fd && !file.sha256.empty());
    if (!file.fd || !set_is_in_place(place, request.files)) continue;
    keep(file);
    return file;
  }
  if (request.files.empty() && !request.sha256.empty())
    if (PluginFile file = kept(request); file.fd) return file;
  if (!request.sha256.empty())
    if (PluginFile file = from_store(request); file.fd) return file;
  found_.clear();
  if (other_bytes)
    throw Error(ErrorKind::plugin_missing, "the file '" + request.path + "' of the runner has other bytes",
                "build the image again, or name it image:" + request.path + " to use the image's own");
  throw Error(ErrorKind::plugin_missing,
              "the runner has no plugin '" + (request.path.empty() ? request.sha256 : request.path) + "'");
}

void PluginSource::check(const PluginRequest& request) {
  const std::string key = request_key(request);
  if (found_.contains(key)) return;
  (void)find(request);
  if (found_.size() >= kFoundMaxCount) found_.clear();
  found_.insert(key);
}

}  // namespace flame::runner
