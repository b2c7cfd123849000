#include "runner/fates.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "runner/worker/usage.hpp"

namespace flame::runner {
namespace {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

Error crashed(const Call& call, const WorkerEnd& end, const WorkerPort& worker) {
  wire::CrashReport crash = worker.crash(end.signal, call.bind->sha256);
  Error error(ErrorKind::crashed, call.bind->function + " died of " + crash.reason);
  error.signal = end.signal;
  error.crash = std::move(crash.json);
  if (end.disturbed)
    error.hint = "it wrote to the descriptor by which its worker talks to the runner, or closed it";
  else if (end.signal == SIGKILL)
    error.hint = "neither the runner nor the kernel for want of memory killed it; it had taken " +
                 mebibytes(end.peak_bytes) + " at most";
  return error;
}

}  // namespace

Error died_running(const Call& call, const WorkerEnd& end, const WorkerPort& worker) {
  if (call.wanted == Call::Wanted::timed_out)
    return Error(ErrorKind::timed_out, "the deadline passed while the function ran")
        .with_fate(Fate::timed_out)
        .at_phase("run");
  if (call.wanted == Call::Wanted::cancelled)
    return Error(ErrorKind::cancelled, "cancelled").with_fate(Fate::cancelled).at_phase("run");
  const std::string& name = call.bind->function;
  if (end.signal != 0) return crashed(call, end, worker).with_fate(Fate::crashed).at_phase("run");
  return Error(ErrorKind::exited,
               name + ": the plugin ended its process with exit(" + std::to_string(end.code) + ")",
               "a function returns; it must not call exit()")
      .with_fate(Fate::crashed)
      .at_phase("run");
}

Error out_of_memory(const Call& call, std::uint64_t limit_bytes, std::uint64_t seen_bytes,
                    const WorkerEnd& end) {
  const std::string peak = mebibytes(std::max(seen_bytes, end.peak_bytes));
  const std::string why = end.starved ? "the kernel had no memory left; its worker had " + peak
                                      : "its worker took " + peak + " of memory, of " +
                                            mebibytes(limit_bytes) + " that it may have";
  return Error(ErrorKind::out_of_memory, call.bind->function + " was killed: " + why,
               "give it less to do at once, a larger guest, or the runner a greater --worker-memory-bytes")
      .with_fate(Fate::crashed)
      .at_phase("run");
}

// The plugin may have scribbled on the page: no more than was used in all.
std::string last_usage(const WorkerEnd& end, std::uint64_t seen_bytes, const worker::SharedPage& page,
                       Clock::time_point now) {
  const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const worker::Usage used{static_cast<std::uint64_t>(wall), end.cpu_us,
                           std::max(seen_bytes, end.peak_bytes)};
  return used.since({std::min(page.metered_wall_us.load(), used.wall_us),
                     std::min(page.metered_cpu_us.load(), used.cpu_us), 0});
}

Error died_loading(const Call& call, const WorkerEnd& end, const WorkerPort& worker) {
  Error error(ErrorKind::plugin_unloadable, "the worker ended while it loaded '" + call.bind->path + "'");
  if (end.signal != 0) {
    wire::CrashReport crash = worker.crash(end.signal, call.bind->sha256);
    error.message = "loading it, the worker died of " + crash.reason;
    error.crash = std::move(crash.json);
  }
  return error.at_phase("load");
}

Error given_up(const Call& call, const char* phase) {
  if (call.wanted == Call::Wanted::cancelled)
    return Error(ErrorKind::cancelled, "cancelled before it began").at_phase(phase);
  return Error(ErrorKind::timed_out,
               std::string("the deadline passed while the call waited for ") +
                   (std::string_view(phase) == "load" ? "its plugin to load" : "a free slot"))
      .at_phase(phase);
}

ErrorKind kind_of_error(std::string_view body) {
  constexpr std::string_view head = "{\"kind\":\"";
  const std::string_view rest = body.starts_with(head) ? body.substr(head.size()) : "";
  return error_kind_from_name(rest.substr(0, rest.find('"'))).value_or(ErrorKind::internal);
}

}  // namespace flame::runner
