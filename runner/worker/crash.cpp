#include "runner/worker/crash.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cstring>

#include "runner/worker/shared_page.hpp"
#include "wire/crash_record.hpp"

namespace flame::worker {
namespace {

using wire::CrashAccess;

constexpr std::size_t kAltStackBytes = 64 * 1024;
constexpr off_t kScratchOffset = 1024 * 1024;  // beyond any record
constexpr std::array<int, 7> kSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

int maps_fd = -1;
std::atomic<long> dying_thread{0};
std::atomic<int> dying_signal{0};

// Everything below runs inside a signal handler: system calls and nothing else. The unwinder is libgcc's,
// linked statically, and finds tables through _dl_find_object: it takes no lock and no memory.

void put(const void* data, std::size_t size) {
  if (::write(kWorkerCrashFd, data, size) < 0) return;  // nobody is left to tell
}

#if defined(__x86_64__)
void read_context(const ucontext_t& context, wire::CrashHead& head) {
  constexpr greg_t page_fault = 14, was_write = 2, was_fetch = 16;
  const auto& registers = context.uc_mcontext.gregs;
  head.pc = static_cast<std::uint64_t>(registers[REG_RIP]);
  head.sp = static_cast<std::uint64_t>(registers[REG_RSP]);
  if (registers[REG_TRAPNO] != page_fault) return;
  head.access = CrashAccess::read;
  if ((registers[REG_ERR] & was_write) != 0) head.access = CrashAccess::write;
  if ((registers[REG_ERR] & was_fetch) != 0) head.access = CrashAccess::execute;
}
#else
void read_context(const ucontext_t& context, wire::CrashHead& head) {
  head.pc = context.uc_mcontext.pc;
  head.sp = context.uc_mcontext.sp;
  // The syndrome register stands in a list of records behind the registers.
  constexpr std::uint32_t esr_magic = 0x45535201;
  const unsigned char* at = context.uc_mcontext.__reserved;
  const unsigned char* const end = at + sizeof context.uc_mcontext.__reserved;
  while (end - at >= 16) {
    std::uint32_t record[2];
    std::memcpy(record, at, sizeof record);
    if (record[0] == 0 || record[1] < 16 || record[1] > static_cast<std::uint32_t>(end - at)) return;
    if (record[0] == esr_magic) {
      std::uint64_t syndrome;
      std::memcpy(&syndrome, at + 8, sizeof syndrome);
      const std::uint64_t kind = syndrome >> 26 & 0x3f;
      if (kind == 0x20 || kind == 0x21) head.access = CrashAccess::execute;
      if (kind == 0x24 || kind == 0x25)
        head.access = (syndrome & 64) != 0 ? CrashAccess::write : CrashAccess::read;
      return;
    }
    at += record[1];
  }
}
#endif

void put_head(int signal, const siginfo_t& info, const ucontext_t& context) {
  wire::CrashHead head{};
  head.magic = wire::kCrashMagic;
  head.signal = signal;
  head.code = info.si_code;
  head.own_pid = ::getpid();
  if (info.si_code == SI_USER || info.si_code == SI_TKILL || info.si_code == SI_QUEUE)
    head.sender = info.si_pid;
  else
    head.address = reinterpret_cast<std::uint64_t>(info.si_addr);
  read_context(context, head);
  put(&head, sizeof head);
}

void put_maps() {
  char buffer[4096];
  std::size_t left = wire::kCrashMapsMaxBytes;
  for (ssize_t n; left > 0 && (n = ::read(maps_fd, buffer, std::min(sizeof buffer, left))) > 0;
       left -= static_cast<std::size_t>(n))
    put(buffer, static_cast<std::size_t>(n));
  put("", 1);
}

struct Trace {
  std::uint64_t pc;
  std::size_t count = 0;  // frames outside of pc's
  bool seen_pc = false;
};

_Unwind_Reason_Code put_frame(_Unwind_Context* context, void* argument) {
  auto& trace = *static_cast<Trace*>(argument);
  int before_instruction = 0;
  const std::uint64_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  if (!trace.seen_pc) {  // this handler's own frames
    trace.seen_pc = ip == trace.pc;
    return _URC_NO_REASON;
  }
  // A return address points behind its call, which may be the next line or function.
  const std::uint64_t site = before_instruction != 0 ? ip : ip - 1;
  put(&site, sizeof site);
  return ++trace.count + 1 < wire::kCrashFrameMaxCount ? _URC_NO_REASON : _URC_END_OF_STACK;
}

// A jump to nowhere has no frame to unwind from, but its return address is on top of the stack.
void put_return_address(const ucontext_t& context) {
  std::uint64_t address = 0;
#if defined(__x86_64__)
  // Read by the kernel, which says EFAULT where we would die.
  const auto* top = reinterpret_cast<const void*>(context.uc_mcontext.gregs[REG_RSP]);
  if (::pwrite(kWorkerCrashFd, top, sizeof address, kScratchOffset) != sizeof address) return;
  if (::pread(kWorkerCrashFd, &address, sizeof address, kScratchOffset) != sizeof address) return;
#else
  address = context.uc_mcontext.regs[30];
#endif
  --address;
  put(&address, sizeof address);
}

void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
}

void on_crash(int signal, siginfo_t* info, void* raw_context) {
  const long self = ::syscall(SYS_gettid);
  long nobody = 0;
  if (!dying_thread.compare_exchange_strong(nobody, self)) {
    if (nobody == self) return die_of(dying_signal);  // the report itself crashed
    for (;;) ::pause();                               // another thread dies and takes us along
  }
  dying_signal = signal;
  const auto& context = *static_cast<const ucontext_t*>(raw_context);
  put_head(signal, *info, context);
  put_maps();
  wire::CrashHead place{};
  read_context(context, place);
  Trace trace{place.pc};
  _Unwind_Backtrace(put_frame, &trace);
  if (trace.count == 0) put_return_address(context);
  die_of(signal);
}

}  // namespace

void install_crash_handler() {
  if (::fcntl(kWorkerCrashFd, F_GETFD) < 0) return;
  maps_fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  stack_t stack{};
  // A stack overflow leaves no room on the stack itself. (Other threads have none: they get the signal only.)
  stack.ss_sp = ::mmap(nullptr, kAltStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack.ss_size = kAltStackBytes;
  if (stack.ss_sp != MAP_FAILED) ::sigaltstack(&stack, nullptr);
  struct sigaction action {
  }, before{};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : kSignals) {
    ::sigaction(signal, nullptr, &before);
    if ((before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL) continue;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace flame::worker
