// Guest sizes and what a second of each costs (fact sheet §3.2, §6).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flame::fly {

struct Guest {
  std::string cpu_kind = "shared";
  std::int64_t cpus = 1;
  std::int64_t memory_mb = 256;
};

// "shared-cpu-2x", "performance-1x" and so on.
std::optional<Guest> guest_preset(std::string_view name);
// What is wrong with it, naming the field; empty when it can be had.
std::string guest_fault(const Guest& guest);
double usd_per_second(const Guest& guest, std::string_view region);

}  // namespace flame::fly
