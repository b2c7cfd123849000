// What a runner is started with.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/log.hpp"
#include "wire/limits.hpp"

namespace flame::runner {

struct Options {
  std::string name = "runner";
  int socket_fd = -1;       // a listening Unix socket, inherited
  int lock_fd = -1;         // who holds it is the runner of that name
  std::string socket_path;  // of socket_fd: removed when the runner leaves; when it goes, so does the runner
  std::vector<std::string> listen;          // TCP, numeric
  std::string token_file;                   // read, then removed
  unsigned slots = 0;                       // 0: one per CPU
  std::uint64_t idle_timeout_ms = 300'000;  // 0: never
  std::uint64_t worker_memory_bytes = 0;    // then its call fails; 0: nine tenths of the machine's, by slots
  std::uint64_t worker_max_calls = 0;       // then it is replaced; 0: no limit
  std::uint64_t max_lifetime_ms = 0;        // 0: no limit
  std::uint64_t drain_timeout_ms = 0;       // 0: as long as the calls take
  std::uint64_t http_timeout_ms = 10'000;   // for a request's head, and for each piece of its body
  std::uint64_t ping_interval_ms = 20'000;  // on TCP links
  std::uint64_t link_grace_ms =
      wire::kLinkGraceMs;  // a lost TCP link may be made again; 0: it ends its calls
  std::size_t max_connections = 1024;
  // Of detached calls: for how long their ends are kept, and how large one and all of them may be.
  std::uint64_t held_keep_ms = wire::kHeldKeepMs;
  std::uint64_t held_max_bytes = wire::kHeldMaxBytes, held_total_max_bytes = wire::kHeldTotalMaxBytes;
  bool exit_with_clients = false;
  LogLevel log_level = LogLevel::info;
  std::vector<std::string> worker;  // flame-worker, or a command that ends in it and its first options
  std::string own_directory;        // removed at the end
  std::string generation, sandbox = "default", build;
  std::optional<unsigned> worker_uid;    // of workers, where the runner is root; 0: as the runner
  std::vector<std::string> plugin_dirs;  // where plugins are looked for; a strict sandbox may read them
  std::string store_dir;                 // for plugins that the image lacks; empty: a default place
  std::uint64_t store_max_bytes = 2ULL << 30;

  bool help = false, version = false;
};

Options parse_options(int argc, char** argv);  // throws Error(usage)
std::string help_text();

// As whom workers run; none: as the runner does.
std::optional<unsigned> worker_uid_of(const Options& options);

// The token from --token-file or FLAME_SECRET, "" when there is none; neither can be read from this process
// afterwards. Throws Error(config): unusable, or needed by a TCP listener and missing.
std::string take_token(const Options& options);

}  // namespace flame::runner
