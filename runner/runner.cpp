#include "runner/runner.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include "flame/plugin.h"
#include "runner/fates.hpp"
#include "runner/libc.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::runner {

void Runner::submit(const CallPtr& call) {
  if (lifetime.draining())
    throw Error(ErrorKind::draining, "the runner takes no more calls",
                "run it again: another runner takes it");
  lifetime.active();
  call->arrived = lifetime.active_since();
  if (scheduler.submit(call)) return;
  ++counters.busy;
  Error error(ErrorKind::busy, "every slot of the runner and its queue are taken", "try again later");
  error.retry_after_ms = static_cast<std::int64_t>(scheduler.retry_after_ms());
  throw error;
}

void Runner::count_end(const Call& call, const wire::Frame& last) {
  if (call_times.wanted()) {
    const auto now = Clock::now();
    call_times.add(now - call.arrived, now);
  }
  if (last.type == wire::FrameType::result) {
    ++counters.done;
    return;
  }
  ++counters.failed[static_cast<std::size_t>(kind_of_error(last.body))];
}

// Whoever looks is no call: a look must not make it young again.
std::uint64_t Runner::idle_ms() const {
  if (!scheduler.idle() || held.unfetched() > 0) return 0;
  return ms_since(idle_since);
}

std::string Runner::hello_members() const {
  static const std::string libc = machine_libc_version();
  utsname machine{};
  ::uname(&machine);
  const auto text = [](const char* key, std::string_view value) {
    std::string out = ",\"" + std::string(key) + "\":";
    worker::append_json_string(out, value);
    return out;
  };
  const auto number = [](const char* key, std::uint64_t value) {
    return ",\"" + std::string(key) + "\":" + std::to_string(value);
  };
  return "\"protocol\":[1,1]" + number("abi", FLAME_ABI) + text("version", FLAME_VERSION) +
         text("build", options.build) + text("libc", libc) +
         text("machine", static_cast<const char*>(machine.machine)) + text("runner", options.name) +
         text("generation", options.generation) + number("pid", static_cast<std::uint64_t>(::getpid())) +
         number("slots", options.slots) + number("busy", scheduler.busy()) +
         number("queued", scheduler.queued()) +
         number("mean_run_us", static_cast<std::uint64_t>(scheduler.mean_run_us())) +
         number("arriving", arrivals.count()) + number("held", held.unfetched()) +
         number("idle_ms", idle_ms()) + number("credit", wire::kCredit) +
         number("window_bytes", wire::kWindowBytes) +
         ",\"draining\":" + (lifetime.draining() ? "true" : "false") +
         ",\"capabilities\":[\"look\",\"detach\"" + (options.link_grace_ms > 0 ? ",\"resume\"]" : "]") +
         number("link_grace_ms", options.link_grace_ms);
}

}  // namespace flame::runner
