#include "runner/worker/nanny.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "runner/worker/shared_page.hpp"

namespace flame::worker {
namespace {

// Children of this thread, which are all of ours: the nanny has one thread.
void kill_children() {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/children", static_cast<int>(::getpid()));
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return;
  int pid = 0;
  while (std::fscanf(file, "%d", &pid) == 1) ::kill(pid, SIGKILL);
  std::fclose(file);
}

// A killed child hands its own children to us, so it goes on until there is none.
void sweep() {
  for (;;) {
    kill_children();
    const pid_t pid = ::waitpid(-1, nullptr, 0);
    if (pid < 0 && errno == ECHILD) return;
  }
}

[[noreturn]] void watch(pid_t worker, const sigset_t& signals) {
  // Only the page stays: the socket and the pipes must end when the worker does.
  for (int fd = 0; fd < 64; ++fd)
    if (fd != kWorkerPageFd) ::close(fd);
  int status = 0;
  struct rusage usage {};
  for (;;) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&signals, &info);
    if (signal == SIGTERM) ::kill(worker, SIGKILL);
    pid_t pid = 0;
    while ((pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0 && pid != worker) {
    }
    if (pid == worker) break;
  }
  sweep();
  void* memory = ::mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED, kWorkerPageFd, 0);
  if (memory == MAP_FAILED) ::_exit(1);
  auto& end = static_cast<SharedPage*>(memory)->end;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  end.cpu_us = static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
               static_cast<std::uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  end.written.store(1);
  ::_exit(0);
}

}  // namespace

void become_nanny() {
  const pid_t runner = ::getppid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  if (::getppid() != runner) ::_exit(1);  // it died before the line above could tell us

  // No thread and no plugin yet, and little memory: a plain fork is safe and cheap here.
  const pid_t nanny = ::getpid();
  const pid_t worker = ::fork();
  if (worker < 0) ::_exit(1);
  if (worker > 0) watch(worker, signals);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != nanny) ::_exit(1);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace flame::worker
