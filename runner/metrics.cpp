#include "runner/metrics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "base/metrics_page.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::runner {
namespace {

constexpr std::size_t kInFlightShown = 32;

class Page : public MetricsPage {
 public:
  void seconds(std::uint64_t ms) {
    const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
    sample(std::to_string(ms / 1000) + "." + fraction);
  }
  void one(const char* name, const char* type, const char* help, std::uint64_t value) {
    family(name, type, help);
    sample(value);
  }
};

void calls(Page& page, const Counters& counters) {
  page.family("flame_calls_total", "counter", "Calls that have ended, by how.");
  page.sample(counters.done, "end=\"done\"");
  for (std::size_t i = 0; i < counters.failed.size(); ++i)
    page.sample(counters.failed[i],
                "end=\"" + std::string(error_kind_name(static_cast<ErrorKind>(i))) + "\"");
  page.sample(counters.abandoned, "end=\"abandoned\"");
  page.one("flame_calls_turned_away_total", "counter", "Calls answered with busy.", counters.busy);
}

constexpr std::array<std::string_view, kWorkerCauseCount> kCauses = {
    "left", "crashed", "exited", "timed_out", "cancelled", "out_of_memory", "unloadable"};

void workers(Page& page, const Scheduler& scheduler) {
  const Scheduler::WorkerCounts& counts = scheduler.worker_counts();
  page.one("flame_workers", "gauge", "Workers that live.", scheduler.workers());
  page.one("flame_workers_started_total", "counter", "Workers started.", counts.started);
  page.family("flame_workers_ended_total", "counter", "Workers that have ended, by why.");
  for (std::size_t i = 0; i < kCauses.size(); ++i)
    page.sample(counts.ended[i], "cause=\"" + std::string(kCauses[i]) + "\"");
}

// A number of milliseconds with three decimals.
std::string ms_text(double seconds) {
  std::array<char, 32> out;
  std::snprintf(out.data(), out.size(), "%.3f", seconds * 1000);
  return out.data();
}

// Of the oldest calls: what a person wants to know when something hangs.
std::string in_flight(const Runner& runner) {
  std::vector<CallPtr> calls = runner.scheduler.calls();
  std::erase_if(calls, [](const CallPtr& call) { return call->state == Call::State::over; });
  const auto shown = calls.begin() + static_cast<std::ptrdiff_t>(std::min(calls.size(), kInFlightShown));
  std::partial_sort(calls.begin(), shown, calls.end(),
                    [](const CallPtr& a, const CallPtr& b) { return a->arrived < b->arrived; });
  std::string out;
  for (auto at = calls.begin(); at != shown; ++at) {
    const Bind& bind = *(*at)->bind;
    out += std::string(out.empty() ? "" : ",") + "{\"plugin\":";
    worker::append_json_string(out, std::string_view(bind.path).substr(bind.path.rfind('/') + 1));
    out += ",\"function\":";
    worker::append_json_string(out, bind.function);
    const bool running = (*at)->slot != nullptr && (*at)->slot->has_begun(**at);
    out += running ? ",\"state\":\"running\"" : ",\"state\":\"queued\"";
    out += ",\"age_ms\":" + std::to_string(ms_since((*at)->arrived)) + "}";
  }
  return "[" + out + "]";
}

}  // namespace

std::string info_json(const Runner& runner) {
  const auto now = Clock::now();
  return "{" + runner.hello_members() +
         ",\"uptime_ms\":" + std::to_string(ms_since(runner.lifetime.started())) +
         ",\"calls\":" + std::to_string(runner.scheduler.calls_done()) +
         ",\"links\":" + std::to_string(runner.links.size()) +
         ",\"p50_ms\":" + ms_text(runner.call_times.seconds(0.5, now)) +
         ",\"p95_ms\":" + ms_text(runner.call_times.seconds(0.95, now)) +
         ",\"in_flight\":" + in_flight(runner) + "}";
}

std::string metrics_text(const Runner& runner) {
  Page page;
  calls(page, runner.counters);
  page.one("flame_slots", "gauge", "Calls that may run at a time.", runner.options.slots);
  page.one("flame_busy_slots", "gauge", "Calls that run.", runner.scheduler.busy());
  page.one("flame_queued_calls", "gauge", "Calls that wait for a slot.", runner.scheduler.queued());
  workers(page, runner.scheduler);
  page.one("flame_links", "gauge", "Open links.", runner.links.size());
  page.one("flame_links_total", "counter", "Links opened.", runner.counters.links);
  page.one("flame_links_refused_total", "counter", "Links closed for a wrong proof or a broken protocol.",
           runner.counters.refused);
  page.one("flame_connections", "gauge", "Open connections, links included.", runner.connections);
  page.one("flame_http_requests_total", "counter", "Plain HTTP requests.", runner.counters.http_requests);
  page.one("flame_held_calls", "gauge", "Detached calls that run, or whose end nobody has fetched.",
           runner.held.unfetched());
  page.one("flame_held_bytes", "gauge", "What is kept of detached calls.", runner.held.bytes());
  page.one("flame_draining", "gauge", "1 when no new calls are taken.", runner.lifetime.draining() ? 1 : 0);
  page.family("flame_uptime_seconds", "gauge", "Since the start.");
  page.seconds(ms_since(runner.lifetime.started()));
  page.family("flame_idle_seconds", "gauge", "Since the last call; 0 while calls are in flight.");
  page.seconds(runner.idle_ms());
  return page.take();
}

}  // namespace flame::runner
