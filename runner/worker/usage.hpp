// What a call has used, measured at its begin and at its end.
#pragma once
#include <cstdint>
#include <string>

namespace flame::worker {

struct Usage {
  std::uint64_t wall_us = 0, cpu_us = 0, peak_bytes = 0;

  static Usage now();
  // {"run_ms":…,"cpu_ms":…,"peak_bytes":…}; the runner adds what it knows
  std::string since(const Usage& before) const;
};

}  // namespace flame::worker
