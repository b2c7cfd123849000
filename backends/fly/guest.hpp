// The sizes of machine that Fly sells: what is legal, what is near, what it costs.
// Source: Fly's documentation, "Machine sizing" and "Pricing", read in autumn 2026.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flame::backend::fly {

struct Guest {
  std::string kind = "shared";  // shared | performance
  std::uint64_t cpus = 1;
  std::uint64_t memory_mb = 256;

  std::string name() const;  // "shared-cpu-1x", "performance-4x:16384MB" where the memory is not the preset's
  friend bool operator==(const Guest&, const Guest&) = default;
};

// "", "performance-4x", "shared-cpu-2x", "shared-2x", "shared-cpu-1x:1GB". Throws Error(config) with the
// nearest legal size; "" is the engine's default, shared-cpu-1x with 256 MB.
Guest parse_guest(std::string_view text);

// USD for a second in state started; a region that is not in the price list counts as the dearest.
double price_per_second(const Guest& guest, std::string_view region);

}  // namespace flame::backend::fly
