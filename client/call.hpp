// One call over a link: binds, sends arguments and input, hands out what comes back.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "client/input_source.hpp"
#include "client/link/link.hpp"

namespace flame::client {

struct CallArgument {
  wire::ArgumentKind kind = wire::ArgumentKind::word;
  std::string value;              // word, json
  InputSource* source = nullptr;  // bytes: read to its end
};

struct Invocation {
  std::string path, sha256, function;  // of the plugin: absolute path there, hex or empty
  std::string files;                   // JSON: what travels with the plugin (Supply::files_json), or empty
  std::vector<CallArgument> arguments;
  std::map<std::string, std::string> environment;
  bool fresh = false;
  bool phases = false;                               // ask the runner for its times
  InputSource* input = nullptr;                      // streamed to the function; nullptr: an empty input, or
  std::function<InputSource*()> input_if_streaming;  // asked when the runner says that the function streams
  Deadline deadline;
  std::uint64_t detached_id = 0;  // not 0: the call goes on without us, known to its runner by this
};

struct CallProgress {
  double done = 0;
  std::optional<double> total;
  std::string note;
};

struct CallUsage {  // as the runner measured it
  double queue_ms = 0, load_ms = 0, run_ms = 0, cpu_ms = 0, peak_bytes = 0;
};

struct CallEvents {
  std::function<void(std::string_view)> on_output;                      // the output stream
  std::function<void(std::string_view, std::uint8_t flags)> on_result;  // pieces of the result, in order
  std::function<void(std::string_view level, std::string_view text)> on_log;
  std::function<void(const CallProgress&)> on_progress;
  std::function<void(const CallUsage&)> on_usage;
  std::function<void()> on_started;                 // its function has begun; only with phases
  std::function<void(std::string_view)> on_phase;   // "send", then "run" when all is sent, then "receive"
  std::function<void(const std::string&)> on_link;  // it was lost, or is there again
  std::function<bool()> interrupted;                // true: cancel the call
  // Asked now and then while the call waits behind others, if it has phases and nothing to read. True: it is
  // taken back unless it begins; it ends then with Error(busy), for another link.
  std::function<bool()> elsewhere;
  int wake_fd = -1;  // readable when `interrupted` may have changed
};

// Returns when the call is done; a detached one, when the runner has all of it. Every other end is an Error
// with kind and fate; where that is never_begun nothing has been handed out, and the same invocation can be
// run on another link.
void run_call(Link& link, const Invocation& invocation, const CallEvents& events);

}  // namespace flame::client
