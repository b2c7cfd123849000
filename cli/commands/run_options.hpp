// The command line of `flame run`.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/options.hpp"
#include "client/inline/private_runner.hpp"

namespace flame::cli {

extern const CommandSpec kRunSpec;

struct RunOptions {
  std::optional<std::string> pool;
  std::string guest;  // empty: the function's wish, or the pool's
  Deadline deadline;
  std::map<std::string, std::string> environment;
  std::vector<std::string> with;  // files that travel with the plugin
  std::string keep_crash;         // directory; empty: a crash leaves nothing
  bool no_ship = false;
  bool is_inline = false;  // in a worker of this call's own on this computer …
  client::Inspector inspector = client::Inspector::none;  // … under this
  bool detach = false;  // the call's id is printed, and the runner keeps its result
  bool fresh = false, no_stdin = false, raw = false, json_args = false, dry_run = false, verbose = false,
       quiet = false, help = false, help_function = false;
  int words_at = 0;  // index in argv of PLUGIN
};

// Throws Error(usage). Sets the style of errors, which may be needed before all is read.
RunOptions parse_run_options(int argc, char** argv);

}  // namespace flame::cli
