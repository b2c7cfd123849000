#include "runner/options.hpp"

#include <getopt.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/error.hpp"
#include "base/process.hpp"

namespace flame::runner {
namespace {

template <class Number>
void read_number(const char* name, std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::usage,
                "--" + std::string(name) + " wants a number, got '" + std::string(text) + "'");
}

// Installed as PREFIX/bin and PREFIX/libexec/flame; in a build tree the worker's folder is below ours.
std::string default_worker() {
  const std::string own = own_directory();
  for (const char* place : {"/../libexec/flame/flame-worker", "/worker/flame-worker", "/flame-worker"})
    if (::access((own + place).c_str(), X_OK) == 0) return own + place;
  throw Error(ErrorKind::config, "cannot find flame-worker near " + own, "name it with --worker PATH");
}

unsigned usable_cpus() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  enum { name, socket_fd, lock_fd, socket_path, slots, idle, lifetime, generation, worker, sandbox, build };
  static constexpr std::array<option, 12> table = {{{"name", 1, nullptr, name},
                                                    {"socket-fd", 1, nullptr, socket_fd},
                                                    {"lock-fd", 1, nullptr, lock_fd},
                                                    {"socket-path", 1, nullptr, socket_path},
                                                    {"slots", 1, nullptr, slots},
                                                    {"idle-timeout-ms", 1, nullptr, idle},
                                                    {"max-lifetime-ms", 1, nullptr, lifetime},
                                                    {"generation", 1, nullptr, generation},
                                                    {"worker", 1, nullptr, worker},
                                                    {"sandbox", 1, nullptr, sandbox},
                                                    {"build", 1, nullptr, build},
                                                    {nullptr, 0, nullptr, 0}}};
  Options out;
  for (int index = 0, c; (c = ::getopt_long(argc, argv, "", table.data(), &index)) != -1;) {
    switch (c) {
      case name:
        out.name = optarg;
        break;
      case socket_fd:
        read_number(table[static_cast<std::size_t>(index)].name, optarg, out.socket_fd);
        break;
      case lock_fd:
        read_number(table[static_cast<std::size_t>(index)].name, optarg, out.lock_fd);
        break;
      case socket_path:
        out.socket_path = optarg;
        break;
     case slots:
        read_number(table[static_cast<std::size_t>(index)].name, optarg, out.slots);
        break;
      case idle:
        read_number(table[static_cast<std::size_t>(index)].name, optarg, out.idle_timeout_ms);
        break;
      case lifetime:
        read_number(table[static_cast<std::size_t>(index)].name, optarg, out.max_lifetime_ms);
        break;
      case generation:
        out.generation = optarg;
        break;
      case worker:
        out.worker = optarg;
        break;
      case sandbox:
        out.sandbox = optarg;
        break;
      case build:
        out.build = optarg;
        break;
      default:
        throw Error(ErrorKind::usage, "wrong option; see flame-runner(1)");
    }
  }
  if (out.socket_fd < 0) throw Error(ErrorKind::usage, "needs --socket-fd, a listening Unix socket");
  if (out.slots == 0) out.slots = usable_cpus();
  if (out.worker.empty()) out.worker = default_worker();
  return out;
}

}  // namespace flame::runner
