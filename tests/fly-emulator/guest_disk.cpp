#include "guest_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::fly {
namespace {

constexpr off_t kCopyLimitBytes = 4 * 1024 * 1024;

// Every place at which something is mounted.
std::set<std::string> mount_points() {
  std::set<std::string> out;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    if (words >> id >> parent >> device >> root >> point) out.insert(point);
  }
  return out;
}

std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (folder == nullptr) return out;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  return out;
}

class Assembly {
 public:
  explicit Assembly(const Disk& disk) : disk_(disk), mounts_(mount_points()) {}

  // A layer where the kernel takes one. It refuses a directory that has others' mounts below it; then its
  // entries are taken one by one.
  void add_directory(const std::string& from, const std::string& to) {
    if (layer(from, to)) return;
    const int why = errno;
    if (!divided(from)) throw system_error("cannot layer " + from, why);
    for (const std::string& name : entries(from)) add(join(from, name), to + "/" + name);
  }

 private:
  static std::string join(const std::string& folder, const std::string& name) {
    return folder == "/" ? "/" + name : folder + "/" + name;
  }

  bool divided(const std::string& path) const {
    const std::string prefix = path == "/" ? "/" : path + "/";
    return disk_.scratch.starts_with(prefix) ||
           std::any_of(mounts_.begin(), mounts_.end(), [&](const std::string& point) {
             return point.size() > prefix.size() && point.starts_with(prefix);
           });
  }

  bool layer(const std::string& from, const std::string& to) {
    if (from.find_first_of(",:\\") != std::string::npos) return false;
    const std::string number = std::to_string(++layers_);
    const std::string upper = disk_.above + "/upper-" + number, work = disk_.above + "/work-" + number;
    ::mkdir(upper.c_str(), 0755);
    ::mkdir(work.c_str(), 0755);
    copy_owner(from, upper);
    const std::string data = "lowerdir=" + from + ",upperdir=" + upper + ",workdir=" + work + ",userxattr";
    return ::mount("overlay", to.c_str(), "overlay", 0, data.c_str()) == 0;
  }

  void add(const std::string& from, const std::string& to) {
    struct stat facts {};
    const bool system = from == "/proc" || from == "/sys" || from == "/dev";
    if (system || from == disk_.scratch || ::lstat(from.c_str(), &facts) != 0) return;
    if (S_ISLNK(facts.st_mode)) copy_link(from, to);
    if (S_ISREG(facts.st_mode)) copy_file(from, to, facts);
    if (!S_ISDIR(facts.st_mode)) return;
    ::mkdir(to.c_str(), 0755);
    copy_owner(from, to);
    try {
      add_directory(from, to);
    } catch (const Error&) {
      if (::access(from.c_str(), R_OK | X_OK) == 0) throw;  // else it stays empty
    }
  }

  static void copy_owner(const std::string& from, const std::string& to) {
    struct stat facts {};
    if (::stat(from.c_str(), &facts) != 0) return;
    (void)!::chown(to.c_str(), facts.st_uid, facts.st_gid);
    ::chmod(to.c_str(), facts.st_mode & 07777);
  }

  static void copy_link(const std::string& from, const std::string& to) {
    std::array<char, 4096> target{};
    if (::readlink(from.c_str(), target.data(), target.size() - 1) > 0)
      (void)!::symlink(target.data(), to.c_str());
  }

  // A file beside a mount point; a big one is left out rather than shared, which would let it be written.
  static void copy_file(const std::string& from, const std::string& to, const struct stat& facts) {
    if (facts.st_size > kCopyLimitBytes || ::access(to.c_str(), F_OK) == 0) return;
    try {
      const std::string content = read_file(from, static_cast<std::size_t>(kCopyLimitBytes));
      const UniqueFd fd = open_file(to, O_WRONLY | O_CREAT | O_TRUNC, facts.st_mode & 07777);
      write_all(fd.get(), content);
      copy_owner(from, to);
    } catch (const Error&) {  // unreadable for us: then it is not there
    }
  }

  const Disk& disk_;
  std::set<std::string> mounts_;
  int layers_ = 0;
};

}  // namespace

void assemble_disk(const Disk& disk) {
  // Where it cannot be one layer, entries of the top go into this directory, which lies above too.
  const std::string top = disk.above + "/top";
  ::mkdir(top.c_str(), 0755);
  if (::mount(top.c_str(), disk.target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    throw system_error("cannot mount " + top, errno);
  Assembly(disk).add_directory(disk.image, disk.target);
}

}  // namespace flame::fly
