// The one exception type: what failed, what was being done, what to try.
// Low code says what failed; each layer may add a context; only cli and the runner's top print it.
#pragma once
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame {

// Why something did not end well. The names (error_kind_name) are part of every protocol of ours:
// frames, backend lines, --cause-fd. Never rename one; add at the end.
enum class ErrorKind : std::uint8_t {
  failed,             // the function said so (code, type, message)
  crashed,            // the worker died of a signal while the call ran
  exited,             // the plugin ended its process while the call ran
  out_of_memory,      // the worker was killed for memory
  timed_out,          // the deadline passed
  cancelled,          // the caller gave up
  bad_arguments,      // count, type, range, UTF-8
  bad_result,         // the function broke its own signature or the ABI
  unknown_function,   // the plugin has no such function
  plugin_missing,     // no such plugin there
  plugin_unloadable,  // it is there and cannot be loaded
  abi_mismatch,       // it needs a newer ABI than the runner speaks
  busy,               // every slot and the queue are taken
  draining,           // the runner takes no more calls
  lost,               // the runner went away in mid-call
  unreachable,        // no connection, or no hello
  refused,            // token or peer not accepted
  boot_failed,        // the engine could not give a machine, or the machine ended before its hello
  capacity,           // the engine has no room for such a machine
  protocol,           // the other side broke the protocol
  limit,              // a stated limit was crossed
  usage,              // wrong command line
  config,             // wrong configuration
  system,             // the operating system refused something
  internal,           // a fault of flame's own
};

std::string_view error_kind_name(ErrorKind kind);
std::optional<ErrorKind> error_kind_from_name(std::string_view name);

// What is known of a call that has ended (design: fate).
enum class Fate : std::uint8_t { done, failed, crashed, timed_out, cancelled, never_begun, unknown };
std::string_view fate_name(Fate fate);
std::optional<Fate> fate_from_name(std::string_view name);

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});

  ErrorKind kind;
  std::string message;                // one line, no newline, no trailing dot
  std::string hint;                   // what to type or change; may be empty
  std::vector<std::string> contexts;  // innermost first: "while reading the manifest 'x'"
  std::string type;                   // the function's own name for its error ("ENOENT"); may be empty
  int code = 0;                       // the function's own code, for ErrorKind::failed
  int signal = 0;                     // for ErrorKind::crashed
  Fate fate = Fate::never_begun;      // of the call that this error ended
  std::string phase;                  // find boot connect send queue load run receive; may be empty
  std::optional<std::int64_t> retry_after_ms;
  std::string crash;  // JSON object `crash` of wire/PROTOCOL.md, or empty

  Error& context(std::string text);
  Error& at_phase(std::string_view name);  // keeps the first phase that was set
  Error& with_fate(Fate value);

  const char* what() const noexcept override { return message.c_str(); }
};

// "cannot open '/x': No such file or directory", from errno_value.
Error system_error(std::string_view doing, int errno_value);
// strerror without its buffer's trouble.
std::string errno_text(int errno_value);

}  // namespace flame
