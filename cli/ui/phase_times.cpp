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

std::uint64_t us(double ms) { return static_cast<std::uint64_t>(ms * 1000); }

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
    sums["queue"] += usage_->queue_ms;  // to what it waited elsewhere
    sums["load"] = usage_->load_ms;
    sums["run"] = usage_->run_ms;
  }
  std::string out;
  for (const char* name : {"find", "boot", "connect", "ship", "send", "queue", "load", "run", "receive"})
    if (sums.contains(name)) out += line(name, sums[name]);
  out += line("total", ms_between(phases_.front().at, end));
  return usage_ ? out + cpu_line(*usage_) : out;
}

void PhaseTimes::fill(client::LoggedCall& out) const {
  if (phases_.empty()) return;
  const auto end = Clock::now();
  for (std::size_t i = 0; i < phases_.size(); ++i)
    out.us(logged_phase(i)) +=
        us(ms_between(phases_[i].at, i + 1 < phases_.size() ? phases_[i + 1].at : end));
  out.total_us = us(ms_between(phases_.front().at, end));
  if (usage_) fill_usage(*usage_, out);
}

// What follows a boot is the wait for its hello.
client::Phase PhaseTimes::logged_phase(std::size_t at) const {
  using client::Phase;
  const std::string& name = phases_[at].name;
  if (name == "boot") return Phase::engine;
  if (name == "connect" && at > 0 && phases_[at - 1].name == "boot") return Phase::start;
  for (const Phase phase :
       {Phase::connect, Phase::ship, Phase::send, Phase::queue, Phase::run, Phase::receive})
    if (name == client::phase_name(phase)) return phase;
  return Phase::find;
}

void fill_usage(const client::CallUsage& usage, client::LoggedCall& out) {
  out.measured = true;
  out.us(client::Phase::queue) += us(usage.queue_ms);
  out.us(client::Phase::load) = us(usage.load_ms);
  out.us(client::Phase::run) = us(usage.run_ms);
  out.cpu_us = us(usage.cpu_ms);
  out.peak_bytes = static_cast<std::uint64_t>(usage.peak_bytes);
}

std::string usage_lines(const client::CallUsage& usage) {
  return line("queue", usage.queue_ms) + line("load", usage.load_ms) + line("run", usage.run_ms) +
         cpu_line(usage);
}

}  // namespace flame::cli
