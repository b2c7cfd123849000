// flame-worker: loads one plugin and runs its calls. Started by flame-runner with the socket, the shared page
// and the plugin as descriptors 3, 4 and 5:  flame-worker --path FOR_MESSAGES [--load FILE] [--uid N]
// [--sandbox LEVEL] [--wait-for-debugger]
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "runner/worker/crash.hpp"
#include "runner/worker/debugger.hpp"
#include "runner/worker/files.hpp"
#include "runner/worker/kernel_watch.hpp"
#include "runner/worker/nanny.hpp"
#include "runner/worker/sandbox.hpp"
#include "runner/worker/serve.hpp"

using namespace flame;
using namespace flame::worker;

namespace {

struct Options {
  std::string path, load;
  std::string sandbox = "default";
  long uid = -1;
};

Options parse(int argc, char** argv) {
  static const option table[] = {{"path", 1, nullptr, 'p'},
                                 {"load", 1, nullptr, 'l'},
                                 {"uid", 1, nullptr, 'u'},
                                 {"sandbox", 1, nullptr, 's'},
                                 {"wait-for-debugger", 0, nullptr, 'w'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int c; (c = ::getopt_long(argc, argv, "", table, nullptr)) != -1;) {
    if (c == 'p')
      options.path = optarg;
    else if (c == 'l')
      options.load = optarg;
    else if (c == 'u')
      options.uid = std::strtol(optarg, nullptr, 10);
    else if (c == 's')
      options.sandbox = optarg;
    else if (c == 'w')
      expect_debugger();
    else
      std::exit(125);
  }
  return options;
}

void confine(const Options& options) {
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
    const bool told = ::write(fd, "500", 3) == 3;  // rather a worker than its runner
    static_cast<void>(told);
    ::close(fd);
  }
  if (options.uid >= 0) {
    const pid_t nanny = ::getppid();
    const auto uid = static_cast<uid_t>(options.uid);
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0)
      ::_exit(125);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of uid clears it
    if (::getppid() != nanny) ::_exit(125);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  become_nanny();
  // What the plugin starts inherits nothing of ours.
  for (int fd = kWorkerSocketFd; fd <= kWorkerCrashFd; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  install_crash_handler();
  confine(options);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a crash loses no line
  void* memory = ::mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED, kWorkerPageFd, 0);
  if (memory == MAP_FAILED) return 125;
  Channel channel(kWorkerSocketFd, *static_cast<SharedPage*>(memory));
  try {
    const PluginPlace place(options.load);
    apply_sandbox(options.sandbox, place.to_load());
    KernelWatch watch;
    const LoadedPlugin plugin = load_plugin(place.to_load(), options.path);
    if (!place.unchanged())
      throw Error(ErrorKind::plugin_missing,
                  "the plugin '" + options.path + "' was replaced while it was loaded", "run it again");
    channel.send(wire::FrameType::hello, 0, 0, "{\"abi\":" + std::to_string(FLAME_ABI) + "}");
    if (!debugger_expected()) watch.start();  // a debugger would show each of its signals
    serve(channel, *static_cast<SharedPage*>(memory), plugin, watch);
    if (plugin.table->struct_size >= sizeof(flame_plugin) && plugin.table->shutdown != nullptr)
      plugin.table->shutdown();
  } catch (const Error& error) {
    channel.send_error(0, error);
  }
  ::_exit(0);  // destructors of a plugin's globals are not ours to run
}
