#include "runner/worker/files.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <mutex>
#include <set>

#include "runner/worker/shared_page.hpp"

namespace flame::worker {
namespace {

std::string folder;  // of the plugin, with its '/'

const std::string kByDescriptor = "/proc/self/fd/" + std::to_string(kWorkerPluginFd);

bool leads_to_checked_file(const std::string& path) {
  struct stat there {
  }, checked{};
  return ::stat(path.c_str(), &there) == 0 && ::fstat(kWorkerPluginFd, &checked) == 0 &&
         there.st_dev == checked.st_dev && there.st_ino == checked.st_ino;
}

std::string folder_of(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t n = path == kByDescriptor ? ::readlink(path.c_str(), target.data(), target.size()) : 0;
  const std::string real = n > 0 ? std::string(target.data(), static_cast<std::size_t>(n)) : path;
  return real.substr(0, real.rfind('/') + 1);
}

const char* path_of(const flame_host*, const char* name) {
  static std::mutex guard;
  static std::set<std::string> given;  // a plugin may keep what it was given
  if (name == nullptr || *name == '/' || *name == '\0') return nullptr;
  std::string path = folder + name;
  if (::access(path.c_str(), R_OK) != 0) return nullptr;
  const std::lock_guard lock(guard);
  return given.insert(std::move(path)).first->c_str();
}

}  // namespace

PluginPlace::PluginPlace(const std::string& path)
    : path_(path), to_load_(!path.empty() && leads_to_checked_file(path) ? path : kByDescriptor) {
  folder = folder_of(to_load_);
}

bool PluginPlace::unchanged() const { return to_load_ == kByDescriptor || leads_to_checked_file(path_); }

const flame_files& files_extension() {
  static const flame_files table = {sizeof(flame_files), path_of};
  return table;
}

}  // namespace flame::worker
