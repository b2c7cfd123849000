#include "cli/ui/report.hpp"

#include <signal.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <string>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/link/farewell.hpp"

namespace flame::cli {

ErrorStyle& error_style() {
  static ErrorStyle style;
  return style;
}

namespace {
Error cannot_write(int errno_value) {
  if (errno_value == EPIPE) {  // SIGPIPE was ignored when we were started: end as quietly
    client::say_farewell();
    ::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE);
  }
  return system_error("cannot write the result", errno_value).with_fate(Fate::done);
}
}  // namespace

int exit_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::failed:
    case ErrorKind::bad_result:
      return error.code >= 1 && error.code <= 123 ? error.code : 1;
    case ErrorKind::crashed:
      return 128 + error.signal;
    case ErrorKind::out_of_memory:
      return 137;
    case ErrorKind::timed_out:
      return 124;
    case ErrorKind::plugin_unloadable:
    case ErrorKind::abi_mismatch:
      return 126;
    case ErrorKind::plugin_missing:
    case ErrorKind::unknown_function:
      return 127;
    default:
      return 125;
  }
}

void print(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      throw cannot_write(errno);
    else if (stop_asked())
      throw Error(ErrorKind::cancelled, "cancelled while the result was written").with_fate(Fate::unknown);
    else if (alarm_passed())
      throw Error(ErrorKind::timed_out, "the deadline passed while the result was written: nobody reads it")
          .with_fate(Fate::unknown)
          .at_phase("receive");
  }
}

void finish_output() {
  // A network file system tells of a full disk only now.
  if (::close(STDOUT_FILENO) != 0 && errno != EBADF && errno != EINTR) throw cannot_write(errno);
}

int print_help(const char* text) {
  print(text);
  return 0;
}

namespace {

std::string cause_of(const Error& error) {
  boost::json::object cause = {{"kind", error_kind_name(error.kind)},
                               {"fate", fate_name(error.fate)},
                               {"phase", error.phase},
                               {"type", printable(error.type)},
                               {"message", printable(error.message)},
                               {"code", error.code},
                               {"signal", error.signal},
                               {"hint", error.hint}};
  if (!error.crash.empty()) cause["crash"] = boost::json::parse(error.crash);
  return boost::json::serialize(cause) + "\n";
}

}  // namespace

void report(const Error& error) {
  std::string text = cause_of(error);
  if (error_style().cause_fd >= 0) write_all(error_style().cause_fd, text);
  if (!error_style().json) {
    text = "flame: " + (error.type.empty() ? "" : printable(error.type) + ": ") + printable(error.message) +
           "\n";
    for (const auto& context : error.contexts) text += "  " + printable(context) + "\n";
    if (!error.hint.empty()) text += "hint: " + printable(error.hint) + "\n";
  }
  write_all(STDERR_FILENO, text);
}

int guarded(const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    report(error);
    die_of_stop_signal();  // if one came: what failed after it may have failed of it
    return exit_status(error);
  } catch (const std::exception& error) {
    report(Error(ErrorKind::internal, error.what(), "this is a fault of flame: please report it"));
    return 125;
  }
}

}  // namespace flame::cli
