// What a runner is started with.
#pragma once
#include <cstdint>
#include <string>

namespace flame::runner {

struct Options {
  std::string name = "runner";
  int socket_fd = -1;                       // a listening Unix socket, inherited
  int lock_fd = -1;                         // held for life: who holds it is the runner of that name
  std::string socket_path;                  // removed when the runner leaves
  unsigned slots = 0;                       // 0: one per CPU
  std::uint64_t idle_timeout_ms = 300'000;  // 0: never
  std::uint64_t max_lifetime_ms = 0;        // 0: no limit
  std::string generation, worker, sandbox = "default", build;
};

Options parse_options(int argc, char** argv);  // throws Error(usage)

}  // namespace flame::runner
