// One call over a link: binds, sends arguments and input, hands out what comes back.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "client/link/link.hpp"

namespace flame::client {

struct CallArgument {
  wire::ArgumentKind kind = wire::ArgumentKind::word;
  std::string value;  // word, json
  int fd = -1;        // bytes: read to its end
};

struct Invocation {
  std::string path, sha256, function;  // of the plugin: absolute path, hex
  std::vector<CallArgument> arguments;
  std::map<std::string, std::string> environment;
  bool fresh = false;
  int input_fd = -1;  // streamed to the function; -1: an empty input
  Deadline deadline;
};

struct CallEvents {
  std::function<void(std::string_view)> on_output;                      // the output stream
  std::function<void(std::string_view, std::uint8_t flags)> on_result;  // pieces of the result, in order
  std::function<void(std::string_view level, std::string_view text)> on_log;
  std::function<bool()> interrupted;  // asked after signals; true: cancel the call
};

// Returns when the call is done. Every other end is an Error with kind and fate.
void run_call(Link& link, const Invocation& invocation, const CallEvents& events);

}  // namespace flame::client
