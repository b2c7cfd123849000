#include "cli/ui/phase_times.hpp"

#include <cstdio>
#include <map>
#include <string_view>

namespace flame::cli {
namespace {

std::string line(const char* name, double ms, const char* remark = "") {
  char buffer[128];
  std::snprintf(buffer, sizeof buffer, "flame: %-8s %10.2f ms%s\n", name, ms, remark);
  return buffer;
}

std::string cpu_line(const client::CallUsage& usage) {
  char memory[64];
  std::snprintf(memory, sizeof memory, "; peak memory %.0f KiB", usage.peak_bytes / 1024);
  return line("cpu", usage.cpu_ms, memory);
}

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

void PhaseTimes::begin(std::string_view phase) { phases_.push_back({std::string(phase), Clock::now()}); }

// In the order of a call's way, whatever came first; a phase that came more than once (another runner was
// tried) with its sum.
std::string PhaseTimes::report() {
  if (phases_.empty()) return {};
  const auto end = Clock::now();
  std::map<std::string_view, double> sums;
  for (std::size_t i = 0; i < phases_.size(); ++i)
    sums[phases_[i].name] += ms_between(phases_[i].at, i + 1 < phases_.size() ? phases_[i + 1].at : end);
  if (usage_) {
    // Our "run" is all between the last byte sent and the first received; the runner knows what it was.
    sums["queue"] = usage_->queue_ms;
    sums["load"] = usage_->load_ms;
    sums["run"] = usage_->run_ms;
  }
  std::string out;
  for (const char* name : {"find", "boot", "connect", "ship", "send", "queue", "load", "run", "receive"})
    if (sums.contains(name)) out += line(name, sums[name]);
  out += line("total", ms_between(phases_.front().at, end));
  return usage_ ? out + cpu_line(*usage_) : out;
}

std::string usage_lines(const client::CallUsage& usage) {
  return line("queue", usage.queue_ms) + line("load", usage.load_ms) + line("run", usage.run_ms) +
         cpu_line(usage);
}

}  // namespace flame::cli
