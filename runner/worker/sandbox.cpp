#include "runner/worker/sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"

#ifndef SYS_landlock_create_ruleset  // the same number on every machine
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

namespace flame::worker {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

constexpr rlim_t kDescriptorsSoft = 1024;  // select(2) breaks above it; a plugin may raise it

// ---- landlock ----

constexpr std::uint64_t kRead =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kFileOnly =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kTruncate = 1ULL << 14;                          // ABI 3; not in older headers
constexpr std::uint64_t kAll1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // ABI 1

std::uint64_t handled(int abi) {
  std::uint64_t all = kAll1;
  if (abi >= 2) all |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) all |= kTruncate;
  return all;
}

// A place that is not there needs no rule.
void allow(int rules, const std::string& path, std::uint64_t access) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) access &= kFileOnly | kTruncate;
  const landlock_path_beneath_attr rule = {access, fd.get()};
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    throw system_error("cannot allow '" + path + "' in the sandbox", errno);
}

void restrict_files(int abi, const std::vector<std::string>& readable) {
  const landlock_ruleset_attr attributes = {handled(abi)};
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) throw system_error("cannot make the sandbox's rules", errno);
  // Libraries and what they read of themselves; /etc only as far as the loader and the clock need it.
  for (const char* path :
       {"/usr", "/lib", "/lib64", "/bin", "/opt", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        "/etc/alternatives", "/etc/localtime", "/proc", "/sys/devices/system", "/dev/urandom", "/dev/random"})
    allow(rules.get(), path, kRead);
  for (const std::string& path : readable) allow(rules.get(), path, kRead);
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full"})
    allow(rules.get(), path, (kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate) & handled(abi));
  allow(rules.get(), "/tmp", handled(abi));
  allow(rules.get(), "/dev/shm", handled(abi));
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    throw system_error("cannot enter the sandbox", errno);
}

// ---- seccomp: by hand, since libseccomp compiles for 0.1 ms what never changes ----

constexpr std::uint64_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr std::array kForbidden = {SYS_io_uring_setup,
                                   SYS_io_uring_enter,
                                   SYS_io_uring_register,  // would make sockets past this filter
                                   SYS_ptrace,
                                   SYS_process_vm_readv,
                                   SYS_process_vm_writev,
                                   SYS_kcmp,
                                   SYS_pidfd_getfd,  // other processes
                                   SYS_unshare,
                                   SYS_setns,
                                   SYS_mount,
                                   SYS_umount2,
                                   SYS_pivot_root,
                                   SYS_chroot,
                                   SYS_open_by_handle_at,
                                   SYS_fsopen,
                                   SYS_fsmount,
                                   SYS_move_mount,
                                   SYS_open_tree,
                                   SYS_bpf,
                                   SYS_perf_event_open,
                                   SYS_userfaultfd,
                                   SYS_keyctl,
                                   SYS_add_key,
                                   SYS_request_key,
                                   SYS_kexec_load,
                                   SYS_init_module,
                                   SYS_finit_module,
                                   SYS_delete_module,
                                   SYS_reboot,
                                   SYS_swapon,
                                   SYS_swapoff,
                                   SYS_settimeofday,
                                   SYS_clock_settime};

using Filter = std::vector<sock_filter>;

void load(Filter& out, std::size_t offset) {
  out.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}
void answer(Filter& out, std::uint32_t action) { out.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
void if_equal(Filter& out, std::uint32_t value, std::uint32_t action) {
  out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  answer(out, action);
}
constexpr std::uint32_t refuse(int errno_value) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(errno_value);
}

Filter make_filter() {
  Filter out;
  load(out, offsetof(seccomp_data, arch));  // numbers mean other calls on another architecture
  out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0));
  answer(out, SECCOMP_RET_KILL_PROCESS);
  load(out, offsetof(seccomp_data, nr));
#ifdef __x86_64__
  out.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1));  // x32: the same calls again
  answer(out, SECCOMP_RET_KILL_PROCESS);
#endif
  if_equal(out, SYS_socket, refuse(EACCES));  // socketpair stays: it reaches nobody
  for (const long call : kForbidden) if_equal(out, static_cast<std::uint32_t>(call), refuse(EPERM));
  if_equal(out, SYS_clone3, refuse(ENOSYS));  // its flags cannot be looked at; libc falls back to clone
  out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  load(out, offsetof(seccomp_data, args[0]));
  out.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, static_cast<std::uint32_t>(kNewNamespaces), 0, 1));
  answer(out, refuse(EPERM));
  answer(out, SECCOMP_RET_ALLOW);
  return out;
}

void restrict_calls() {
  Filter filter = make_filter();
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    throw system_error("cannot enter the sandbox's filter", errno);
}

// ---- all levels ----

void limit_resources() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > kDescriptorsSoft) {
    limit.rlim_cur = kDescriptorsSoft;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlimit none = {0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

std::vector<std::string> directories_in(const std::string& level) {
  std::vector<std::string> out;
  for (std::size_t at = level.find(':'); at != std::string::npos;) {
    const std::size_t next = level.find(':', at + 1);
    out.push_back(level.substr(at + 1, next == std::string::npos ? next : next - at - 1));
    at = next;
  }
  return out;
}

}  // namespace

SandboxFeatures sandbox_features() {
  SandboxFeatures out;
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  out.landlock_abi = abi > 0 ? static_cast<int>(abi) : 0;
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  out.seccomp = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  return out;
}

void apply_sandbox(const std::string& level, const std::string& plugin) {
  if (level == "off") return;
  limit_resources();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw system_error("cannot give up new privileges", errno);
  if (!level.starts_with("strict")) return;
  const SandboxFeatures features = sandbox_features();
  std::vector<std::string> readable = directories_in(level);
  readable.push_back(plugin);  // wherever it is, also /proc/self/fd/N
  const std::size_t slash = plugin.rfind('/');
  if (slash != std::string::npos && slash > 0) readable.push_back(plugin.substr(0, slash));
  if (features.landlock_abi > 0) restrict_files(features.landlock_abi, readable);
  if (features.seccomp) restrict_calls();
}

}  // namespace flame::worker
