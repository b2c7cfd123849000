#include "guest_root.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "guest_disk.hpp"

namespace flame::fly {
namespace {

void put(const std::string& path, const std::string& text) {
  const UniqueFd fd = open_file(path, O_WRONLY);
  if (!write_all(fd.get(), text)) throw system_error("cannot write " + path, errno);
}

// "0 0 4294967295" and the like: every id that we have here means the same there.
std::string identity_map(const char* path) {
  std::istringstream lines(read_file(path, 64 * 1024));
  std::string out;
  for (unsigned long long first = 0, below = 0, count = 0; lines >> first >> below >> count;)
    out += std::to_string(first) + " " + std::to_string(first) + " " + std::to_string(count) + "\n";
  return out;
}

// Runs outside, where we may still write maps of many ids.
void write_maps(pid_t pid) {
  const std::string base = "/proc/" + std::to_string(pid) + "/";
  if (::geteuid() == 0) {
    put(base + "uid_map", identity_map("/proc/self/uid_map"));
    put(base + "gid_map", identity_map("/proc/self/gid_map"));
    return;
  }
  put(base + "setgroups", "deny");
  put(base + "uid_map", "0 " + std::to_string(::geteuid()) + " 1");
  put(base + "gid_map", "0 " + std::to_string(::getegid()) + " 1");
}

void mount_or_throw(const char* source, const std::string& target, const char* type, unsigned long flags,
                    const char* data = nullptr) {
  if (::mount(source, target.c_str(), type, flags, data) != 0)
    throw system_error("cannot mount " + std::string(type == nullptr ? source : type) + " on " + target,
                       errno);
}

void make_directories(const std::string& path, unsigned mode = 0755) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at + 1);
    ::mkdir(path.substr(0, at).c_str(), mode);
  }
}

void add_system_folders(const std::string& merged) {
  for (const char* name : {"/proc", "/dev", "/sys", "/tmp"})
    ::mkdir((merged + name).c_str(), name[1] == 't' ? 01777 : 0755);
  if (::mount("proc", (merged + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    mount_or_throw("/proc", merged + "/proc", nullptr, MS_BIND | MS_REC);
  mount_or_throw("/dev", merged + "/dev", nullptr, MS_BIND | MS_REC);
  ::mount("/sys", (merged + "/sys").c_str(), nullptr, MS_BIND | MS_REC, nullptr);
  ::mount("tmpfs", (merged + "/dev/shm").c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

void write_files(const ProcessPlan& plan, const std::string& merged) {
  for (const GuestFile& file : plan.files) {
    if (file.path.find("/../") != std::string::npos)
      throw Error(ErrorKind::config, "bad guest_path " + file.path);
    make_directories(merged + file.path.substr(0, file.path.rfind('/')));
    const UniqueFd fd = open_file(merged + file.path, O_WRONLY | O_CREAT | O_TRUNC, file.mode);
    if (!write_all(fd.get(), file.content)) throw system_error("cannot write " + file.path, errno);
    ::fchmod(fd.get(), file.mode);
  }
}

// Read-only, so that nothing in the machine can set its own clock.
void show_clock_page(const ProcessPlan& plan, const std::string& merged) {
  if (plan.clock_page.empty()) return;
  const std::string target = merged + "/.fly/clock";
  ::mkdir((merged + "/.fly").c_str(), 0755);
  UniqueFd(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
  mount_or_throw(plan.clock_page.c_str(), target, nullptr, MS_BIND);
  mount_or_throw("none", target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV);
}

void pivot(const std::string& merged) {
  if (::chdir(merged.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
      ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
    throw system_error("cannot change the root to " + merged, errno);
}

}  // namespace

std::string enter_namespaces() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return "pipe: " + errno_text(errno);
  const UniqueFd ready(pipe[0]);
  UniqueFd tell(pipe[1]);
  const pid_t self = ::getpid();
  const pid_t helper = ::fork();
  if (helper < 0) return "fork: " + errno_text(errno);
  if (helper == 0) {
    char word = 0;
    tell.reset();
    if (read_full(ready.get(), &word, 1) != 1) ::_exit(1);
    try {
      write_maps(self);
    } catch (const Error&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  const bool made = ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == 0;
  const int why = errno;
  if (made) write_all(tell.get(), "x");
  tell.reset();
  int status = 1;
  while (::waitpid(helper, &status, 0) < 0 && errno == EINTR) {
  }
  if (!made) return "unshare: " + errno_text(why);
  return status == 0 ? std::string() : std::string("the id maps cannot be written");
}

void enter_root(const ProcessPlan& plan) {
  mount_or_throw("none", "/", nullptr, MS_REC | MS_PRIVATE);
  const std::string above = plan.scratch + "/disk", merged = plan.scratch + "/root";
  ::mkdir(above.c_str(), 0755);
  ::mkdir(merged.c_str(), 0755);
  if (!plan.keep_disk) mount_or_throw("tmpfs", above, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
  assemble_disk({plan.root, plan.scratch, above, merged});
  add_system_folders(merged);
  write_files(plan, merged);
  show_clock_page(plan, merged);
  pivot(merged);
}

}  // namespace flame::fly
