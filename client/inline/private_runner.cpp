#include "client/inline/private_runner.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/socket_address.hpp"
#include "client/inline/debugger.hpp"
#include "client/pool/runtime_dir.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kLogMaxBytes = 1024 * 1024;

std::string find_beside(const char* what, std::initializer_list<const char*> places) {
  if (std::string found = find_near_own(places); !found.empty()) return found;
  throw Error(ErrorKind::config, std::string("cannot find ") + what + " near " + own_directory(),
              "install flame again: its parts belong together");
}

std::vector<std::string> worker_command(Inspector inspector) {
  const std::string worker =
      find_beside("flame-worker", {"/../libexec/flame/flame-worker", "/../runner/worker/flame-worker"});
  if (inspector == Inspector::gdb) return {worker, "--wait-for-debugger"};
  if (inspector == Inspector::none) return {worker};
  std::vector<std::string> out = inspector_command("valgrind", "FLAME_VALGRIND");
  // What it finds goes where the function's own prints go: to the caller's stderr. Where it follows calls
  // into what they call, it names the caller's line.
  out.insert(out.end(), {"--quiet", "--vex-guest-chase=no", worker});
  return out;
}

UniqueFd listen_at(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 16) != 0)
    throw system_error("cannot listen at '" + path + "'", errno);
  return fd;
}

}  // namespace

PrivateRunner::PrivateRunner(const PoolSettings& settings, Inspector inspector) {
  directory_ = runtime_dir() + "/inline-XXXXXX";
  if (::mkdtemp(directory_.data()) == nullptr) throw system_error("cannot make '" + directory_ + "'", errno);
  try {
    start(settings, inspector);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    throw;
  }
}

// The environment, directory and descriptors are those that the local engine gives to its runners, so that a
// function meets the same. A session of its own: Ctrl-C is for flame and the debugger.
void PrivateRunner::start(const PoolSettings& settings, Inspector inspector) {
  const std::string socket = directory_ + "/socket";
  const UniqueFd listening = listen_at(socket);
  const UniqueFd log = open_file(directory_ + "/log", O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
  SpawnPlan plan;
  plan.path = find_beside("flame-runner", {"/flame-runner", "/../runner/flame-runner"});
  plan.arguments = {"flame-runner",
                    "--name",
                    "inline",
                    "--socket-fd",
                    "3",
                    "--socket-path",
                    socket,
                    "--slots",
                    "1",
                    "--idle-timeout-ms",
                    "0",
                    "--sandbox",
                    settings.sandbox,
                    "--exit-with-clients",
                    "--own-directory",  // flame may be killed before it can
                    directory_,
                    "--worker-uid",
                    "0",
                    "--log-level",
                    "warning"};
  for (const std::string& word : worker_command(inspector))
    plan.arguments.insert(plan.arguments.end(), {"--worker", word});
  for (const std::string& directory : settings.plugin_dirs)
    plan.arguments.insert(plan.arguments.end(), {"--plugin-dir", directory});
  plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  plan.descriptors = {{log.get(), 2}, {listening.get(), 3}};
  plan.new_session = true;
  child_ = spawn(plan);
}

PrivateRunner::~PrivateRunner() {
  let_go();
  ::kill(child_.pid, SIGTERM);  // drains, should no link have told it to
  ::kill(child_.pid, SIGTERM);  // and cancels what runs
  wait_child(child_);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::unique_ptr<Link> PrivateRunner::connect(Deadline deadline) {
  const Address address{directory_ + "/socket", {}, {}, {}};
  try {
    if (!hold_) hold_ = std::make_unique<Link>(address, deadline);
    return std::make_unique<Link>(address, deadline);
  } catch (Error& error) {
    if (error.kind != ErrorKind::unreachable) throw;
    throw Error(ErrorKind::boot_failed, "the runner for this call ended before its hello",
                read_file(directory_ + "/log", kLogMaxBytes));
  }
}

}  // namespace flame::client
