#include "cli/ui/phase_times.hpp"

#include <cstdio>
#include <map>

namespace flame::cli {
namespace {

std::string line(const std::string& name, double ms, const char* remark = "") {
  char buffer[128];
  std::snprintf(buffer, sizeof buffer, "flame: %-8s %10.2f ms%s\n", name.c_str(), ms, remark);
  return buffer;
}

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

void PhaseTimes::begin(std::string_view phase) { phases_.push_back({std::string(phase), Clock::now()}); }

// A phase that came more than once (another runner was tried) is told once, with its sum.
std::string PhaseTimes::report() {
  if (phases_.empty()) return {};
  const auto end = Clock::now();
  std::vector<std::string> order;
  std::map<std::string, double> sums;
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    const auto& [name, at] = phases_[i];
    if (!sums.contains(name)) order.push_back(name);
    sums[name] += ms_between(at, i + 1 < phases_.size() ? phases_[i + 1].at : end);
  }
  std::string out;
  for (const auto& name : order) {
    if (name != "run" || !usage_) {
      out += line(name, sums[name]);
      continue;
    }
    // Our "run" is all between the last byte sent and the first received; the runner knows what it was.
    out += line("queue", static_cast<double>(usage_->queue_ms));
    out += line("load", static_cast<double>(usage_->load_ms));
    out += line("run", static_cast<double>(usage_->run_ms));
  }
  out += line("total", ms_between(phases_.front().at, end));
  if (usage_)
    out += line("cpu", static_cast<double>(usage_->cpu_ms),
                ("; peak memory " + std::to_string(usage_->peak_bytes / 1024) + " KiB").c_str());
  return out;
}

}  // namespace flame::cli
