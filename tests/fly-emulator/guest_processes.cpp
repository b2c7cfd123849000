#include "guest_processes.hpp"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "base/fd.hpp"

namespace flame::fly {
namespace {

std::vector<int> numbered_entries(const std::string& path) {
  std::vector<int> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (folder == nullptr) return out;
  while (const dirent* entry = ::readdir(folder.get()))
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') out.push_back(std::atoi(entry->d_name));
  return out;
}

bool connected_tcp(int fd) {
  int domain = 0, type = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
      (domain != AF_INET && domain != AF_INET6))
    return false;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

// An abortive close that leaves the owner its descriptor: the peer gets a reset, and so does the owner.
void reset(int fd) {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  (void)::connect(fd, &nowhere, sizeof nowhere);
}

}  // namespace

std::vector<pid_t> all_processes() {
  auto out = numbered_entries("/proc");
  std::erase(out, ::getpid());
  return out;
}

std::vector<pid_t> descendants(pid_t of) {
  std::vector<pid_t> out{of};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string process = "/proc/" + std::to_string(out[i]) + "/task";
    for (const int thread : numbered_entries(process)) {
      std::ifstream children(process + "/" + std::to_string(thread) + "/children");
      for (pid_t child = 0; children >> child;) out.push_back(child);
    }
  }
  out.erase(out.begin());
  return out;
}

std::int64_t resident_mb(const std::vector<pid_t>& pids) {
  std::int64_t pages = 0;
  for (const pid_t pid : pids) {
    std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
    std::int64_t size = 0, resident = 0, shared = 0;
    if (statm >> size >> resident >> shared) pages += resident - shared;
  }
  return pages * (::sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

void cut_connections(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) continue;
    for (const int number : numbered_entries("/proc/" + std::to_string(pid) + "/fd")) {
      const UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
      if (copy && connected_tcp(copy.get())) reset(copy.get());
    }
  }
}

}  // namespace flame::fly
