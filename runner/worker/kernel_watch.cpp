#include "runner/worker/kernel_watch.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runner/worker/debugger.hpp"

// Linux's Syscall User Dispatch: while `gate` says block, the thread's first system call comes to us as a
// SIGSYS instead; we note it, open the gate and let the call be made again.
namespace flame::worker {
namespace {

constexpr char kAllow = 0, kBlock = 1;  // SYSCALL_DISPATCH_FILTER_*
constexpr int kDispatch = 59;           // PR_SET_SYSCALL_USER_DISPATCH
constexpr int kDispatchedCode = 2;      // SYS_USER_DISPATCH
constexpr nlink_t kOneThread = 3;       // links of /proc/self/task: itself, its parent, one thread

volatile char gate = kAllow;
volatile bool caught = false;
struct sigaction otherwise;  // whose SIGSYS it is when it is not ours

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kPossible = true;
void again(const siginfo_t& info, ucontext_t& context) {
  constexpr greg_t instruction_bytes = 2;
  context.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(info.si_call_addr) - instruction_bytes;
  context.uc_mcontext.gregs[REG_RAX] = info.si_syscall;
}
#else
constexpr bool kPossible = false;  // the sanitizers ask the kernel on their own account
void again(const siginfo_t&, ucontext_t&) {}
#endif

void on_system_call(int signal, siginfo_t* info, void* context) {
  if (info->si_code == kDispatchedCode) {
    gate = kAllow;
    caught = true;
    return again(*info, *static_cast<ucontext_t*>(context));
  }
  if ((otherwise.sa_flags & SA_SIGINFO) != 0) return otherwise.sa_sigaction(signal, info, context);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

// A debugger shows every SIGSYS to its user, and valgrind makes its system calls on our thread.
bool is_inspected() {
  const char* preloaded = std::getenv("LD_PRELOAD");
  return (preloaded != nullptr && std::strstr(preloaded, "vgpreload") != nullptr) || is_traced();
}

}  // namespace

KernelWatch::Handlers KernelWatch::handlers() {
  Handlers out{};
  for (int signal = 1; signal <= kSignals; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0) continue;  // the libc's own
    const auto& handler = action.sa_sigaction;
    std::memcpy(&out[static_cast<std::size_t>(signal)], &handler, sizeof handler);
  }
  return out;
}

KernelWatch::KernelWatch() : known_(handlers()) {}

// A handler of the plugin's may run with SIGSYS blocked and ask the kernel for something: that would be the
// end. And what its threads do is not seen.
bool KernelWatch::undisturbed() const {
  struct stat tasks {};
  return handlers() == known_ && ::stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == kOneThread;
}

void KernelWatch::start() {
  if (!kPossible || is_inspected() || !undisturbed()) return;
  struct sigaction action {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, &otherwise) != 0) return;
  known_ = handlers();
  watching_ = ::prctl(kDispatch, 1, 0L, 0L, &gate) == 0;
}

void KernelWatch::stop() {
  if (watching_) ::prctl(kDispatch, 0, 0L, 0L, 0L);
  watching_ = false;
}

void KernelWatch::arm() {
  if (!watching_) return;
  if (rest_ > 0) {
    --rest_;
    return;
  }
  if (!looked_ && !undisturbed()) return stop();
  looked_ = armed_ = true;
  caught = false;
  gate = kBlock;
}

bool KernelWatch::stayed_out() {
  gate = kAllow;
  if (!armed_) return false;
  armed_ = false;
  if (!caught) {
    next_rest_ = 1;
    return true;
  }
  looked_ = false;
  rest_ = next_rest_;
  next_rest_ = std::min(next_rest_ * 2, kRestMax);
  return false;
}

}  // namespace flame::worker
