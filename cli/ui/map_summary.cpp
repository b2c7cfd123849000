#include "cli/ui/map_summary.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace flame::cli {
namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string span(double ms) {
  if (ms < 1) return formatted("%.0f us", ms * 1e3);
  if (ms < 1000) return formatted("%.3g ms", ms);
  return formatted("%.3g s", ms / 1e3);
}

std::string percentiles(const client::Histogram& times) {
  return "p50 " + span(times.percentile(50)) + ", p95 " + span(times.percentile(95)) + ", p99 " +
         span(times.percentile(99));
}

std::string items_line(const client::MapOutcome& outcome) {
  const client::MapCounts& counts = outcome.counts;
  std::string out = std::to_string(counts.read) + " items: " + std::to_string(counts.done) + " done";
  if (counts.skipped > 0) out += ", " + std::to_string(counts.skipped) + " done before";
  if (counts.cancelled > 0) out += ", " + std::to_string(counts.cancelled) + " cancelled";
  if (counts.failed > 0) out += ", " + std::to_string(counts.failed) + " failed";
  std::string kinds;
  for (const auto& [kind, count] : outcome.statistics.failures)
    kinds += (kinds.empty() ? " (" : ", ") + std::to_string(count) + " " + kind;
  if (!kinds.empty()) out += kinds + ")";
  const double seconds = outcome.statistics.wall_seconds;
  out += "; " + span(seconds * 1e3);
  if (seconds > 0) out += formatted(", %.4g/s", static_cast<double>(counts.done + counts.failed) / seconds);
  return out + "\n";
}

}  // namespace

std::string map_summary(const client::MapOutcome& outcome) {
  const client::Statistics& all = outcome.statistics;
  std::string out = items_line(outcome);
  if (all.run.count() > 0) out += "time of an item: " + percentiles(all.run) + "\n";
  if (all.queue.count() > 0) out += "wait in a runner: " + percentiles(all.queue) + "\n";
  if (all.boots > 0)
    out +=
        "boots: " + std::to_string(all.boots) + ", " + span(all.boot_seconds / all.boots * 1e3) + " each\n";
  if (all.slot_seconds > 0)
    out +=
        formatted("runners: slots busy for %.0f %%, %.1f runner seconds, cost $%.4f\n",
                  std::min(100.0, 100 * all.busy_seconds / all.slot_seconds), all.runner_seconds, all.cost);
  return out;
}

}  // namespace flame::cli
