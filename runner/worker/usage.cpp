#include "runner/worker/usage.hpp"

#include <sys/resource.h>

#include <chrono>

#include "runner/worker/result_writer.hpp"

namespace flame::worker {

Usage Usage::now() {
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  const auto us = [](const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(t.tv_usec);
  };
  const auto wall = std::chrono::steady_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(wall).count()),
          us(own.ru_utime) + us(own.ru_stime), static_cast<std::uint64_t>(own.ru_maxrss) * 1024};
}

std::string Usage::since(const Usage& before) const {
  std::string out = "{\"run_ms\":";
  append_number(out, static_cast<double>(wall_us - before.wall_us) / 1000);
  append_number(out += ",\"cpu_ms\":", static_cast<double>(cpu_us - before.cpu_us) / 1000);
  return out + ",\"peak_bytes\":" + std::to_string(peak_bytes) + "}";
}

}  // namespace flame::worker
