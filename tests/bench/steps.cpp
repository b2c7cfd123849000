// steps FILE PROGRAM ARG…: becomes the program, with another process beside it that single-steps it and
// writes to FILE each address that it ran, in the order of the first time.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <unordered_set>

namespace {

// Attaches to a process that waits for one byte of `ready`, and steps it to its end.
int follow(pid_t pid, int ready, const char* path) {
  std::FILE* out = std::fopen((path + std::string(".") + std::to_string(pid)).c_str(), "w");
  if (out == nullptr || ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXEC) != 0)
    return std::perror("steps"), 1;
  if (write(ready, "", 1) != 1) return 1;
  close(ready);
  std::unordered_set<unsigned long long> seen;
  for (int status = 0; waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);) {
    const bool ours = WSTOPSIG(status) == SIGTRAP;
    user_regs_struct registers;
    ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
    if (seen.insert(registers.rip).second) std::fprintf(out, "%llx\n", registers.rip);
    ptrace(PTRACE_SINGLESTEP, pid, nullptr, ours ? 0 : WSTOPSIG(status));
  }
  return std::fclose(out) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("steps FILE PROGRAM ARG…\n", stderr), 2;
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return std::perror("steps"), 1;
  const pid_t pid = getpid();
  // A grandchild, so that the program gets no child that it does not know.
  if (fork() == 0) _exit(fork() == 0 ? (setsid(), follow(pid, ready[1], argv[1])) : 0);
  close(ready[1]);
  wait(nullptr);
  char byte;
  if (read(ready[0], &byte, 1) == 1) execv(argv[2], argv + 2);
  return 127;
}
