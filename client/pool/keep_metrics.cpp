#include "client/pool/keep_metrics.hpp"

#include <array>
#include <cstdio>

#include "base/metrics_page.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kStates = 5;  // KeptRunner::State

class Page : public MetricsPage {
 public:
  explicit Page(const std::string& pool) : MetricsPage("pool=\"" + pool + "\"") {}
  void number(double value, const std::string& labels = "") {
    std::array<char, 40> text;
    std::snprintf(text.data(), text.size(), "%.10g", value);
    sample(std::string_view(text.data()), labels);
  }
  void one(const char* name, const char* type, const char* help, double value) {
    family(name, type, help);
    number(value);
  }
  void count(const char* name, const char* help, std::uint64_t value) {
    one(name, "counter", help, static_cast<double>(value));
  }
  void gauge(const char* name, const char* help, double value) { one(name, "gauge", help, value); }
};

struct Sums {
  std::array<std::array<double, 2>, kStates> runners{};  // by state and whether current
  double slots = 0, busy = 0, queued = 0, usd_per_hour = 0;
};

Sums sums_of(const Keeper& keeper) {
  Sums out;
  for (const Kept& one : keeper.runners()) {
    ++out.runners[static_cast<std::size_t>(one.state)][keeper.is_current(one) ? 1 : 0];
    out.usd_per_hour += one.machine.price_per_second * 3600;
    if (!one.linked) continue;
    out.slots += static_cast<double>(one.slots);
    out.busy += static_cast<double>(one.busy);
    out.queued += static_cast<double>(one.queued);
  }
  return out;
}

}  // namespace

std::string keep_metrics(const Keeper& keeper, const KeepCounters& counters) {
  const PoolSettings& settings = keeper.pool().settings();
  const Sums sums = sums_of(keeper);
  Page page(settings.name);
  page.gauge("flame_pool_acting", "1 when this keeper acts, 0 when it waits for another to end.",
             keeper.acting() ? 1 : 0);
  page.family("flame_pool_runners", "gauge", "Runners by state and generation.");
  for (std::size_t state = 0; state < kStates; ++state)
    for (const bool current : {true, false})
      page.number(sums.runners[state][current ? 1 : 0],
                  std::string("state=\"") + state_name(static_cast<KeptRunner::State>(state)) +
                      "\",generation=\"" + (current ? "current" : "old") + "\"");
  page.gauge("flame_pool_wanted_runners", "Runners of the current generation that are wanted.",
             static_cast<double>(keeper.wanted()));
  page.gauge("flame_pool_min_runners", "min of the pool.", static_cast<double>(settings.min));
  page.gauge("flame_pool_max_runners", "max of the pool.", static_cast<double>(settings.max));
  page.gauge("flame_pool_slots", "Calls that may run at a time.", sums.slots);
  page.gauge("flame_pool_busy_slots", "Calls that run.", sums.busy);
  page.gauge("flame_pool_queued_calls", "Calls that wait for a slot.", sums.queued);
  page.gauge("flame_pool_cost_usd_per_hour", "What the engine asks for its machines as they are.",
             sums.usd_per_hour);
  page.gauge("flame_pool_booting_runners", "Boots that the engine has not answered yet.",
             static_cast<double>(keeper.booting()));
  page.family("flame_pool_boots_total", "counter", "Boots by this keeper, by how they ended.");
  page.number(static_cast<double>(counters.boots_ready), "end=\"ready\"");
  page.number(static_cast<double>(counters.boots_failed), "end=\"failed\"");
  page.one("flame_pool_boot_seconds_total", "counter", "Time that the boots took that ended ready.",
           counters.boot_seconds);
  page.count("flame_pool_runners_lost_total", "Runners that ended without a word.", counters.lost);
  page.count("flame_pool_runners_drained_total", "Runners that this keeper sent away.", counters.drained);
  page.count("flame_pool_left_behind_total", "Machines that nobody needed and that were destroyed.",
             counters.left_behind);
  page.count("flame_pool_engine_errors_total", "Requests that the engine refused or did not answer.",
             counters.engine_errors);
  return page.take();
}

StatusPage keep_page(std::string_view path, const Keeper& keeper, const KeepCounters& counters) {
  if (path == "/metrics") return {200, "text/plain; version=0.0.4", keep_metrics(keeper, counters)};
  if (path != "/healthz") return {404, "text/plain", "/healthz and /metrics are here\n"};
  if (const std::string trouble = keeper.trouble(); !trouble.empty())
    return {503, "text/plain", "trouble: " + trouble + "\n"};
  return {200, "text/plain", keeper.acting() ? "acting\n" : "standby\n"};
}

}  // namespace flame::client
