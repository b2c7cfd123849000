#include "guest.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace flame::fly {
namespace {

constexpr std::array<std::int64_t, 5> kSharedCpus = {1, 2, 4, 6, 8};
constexpr std::array<std::int64_t, 12> kPerformanceCpus = {1, 2, 4, 6, 8, 10, 12, 14, 16, 32, 64, 128};

struct Factor {
  std::string_view region;
  double factor;
};
constexpr std::array<Factor, 18> kFactors = {{{"iad", 1},
                                              {"ewr", 1},
                                              {"ams", 1.038},
                                              {"arn", 1.038},
                                              {"yyz", 1.115},
                                              {"lhr", 1.135},
                                              {"cdg", 1.135},
                                              {"fra", 1.154},
                                              {"sjc", 1.192},
                                              {"lax", 1.2},
                                              {"ord", 1.25},
                                              {"dfw", 1.25},
                                              {"sin", 1.269},
                                              {"syd", 1.269},
                                              {"jnb", 1.303},
                                              {"nrt", 1.308},
                                              {"gru", 1.615},
                                              {"bom", 1}}};

bool performance(const Guest& guest) { return guest.cpu_kind == "performance"; }

template <std::size_t N>
bool among(const std::array<std::int64_t, N>& values, std::int64_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

std::optional<Guest> guest_preset(std::string_view name) {
  Guest guest;
  std::string_view number;
  if (name.starts_with("shared-cpu-")) {
    number = name.substr(11);
  } else if (name.starts_with("performance-")) {
    guest.cpu_kind = "performance";
    number = name.substr(12);
  }
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), guest.cpus);
  if (error != std::errc() || std::string_view(end, number.data() + number.size()) != "x")
    return std::nullopt;
  guest.memory_mb = guest.cpus * (performance(guest) ? 2048 : 256);
  return guest;
}

std::string guest_fault(const Guest& guest) {
  if (guest.cpu_kind != "shared" && !performance(guest))
    return "invalid config.guest.cpu_kind, must be one of [shared performance]";
  const bool known =
      performance(guest) ? among(kPerformanceCpus, guest.cpus) : among(kSharedCpus, guest.cpus);
  if (!known)
    return "invalid config.guest.cpus, " + std::to_string(guest.cpus) + " is not offered for " +
           guest.cpu_kind;
  const std::int64_t least = guest.cpus * (performance(guest) ? 2048 : 256),
                     most = guest.cpus * (performance(guest) ? 8192 : 2048);
  const std::int64_t step = performance(guest) ? 1024 : 256;
  if (guest.memory_mb < least)
    return "invalid config.guest.memory_mb, minimum required " + std::to_string(least) + " MiB";
  if (guest.memory_mb > most)
    return "invalid config.guest.memory_mb, maximum allowed " + std::to_string(most) + " MiB";
  if (guest.memory_mb % step != 0)
    return "invalid config.guest.memory_mb, must be a multiple of " + std::to_string(step) + " MiB";
  return {};
}

double usd_per_second(const Guest& guest, std::string_view region) {
  const auto cpus = static_cast<double>(guest.cpus);
  const double included_gb = cpus * (performance(guest) ? 2 : 0.25);
  const double extra_gb = std::max(0.0, static_cast<double>(guest.memory_mb) / 1024 - included_gb);
  const double base = cpus * (performance(guest) ? 0.000012732 : 0.0000008465) + extra_gb * 0.000002316;
  const auto* found =
      std::find_if(kFactors.begin(), kFactors.end(), [&](const Factor& f) { return f.region == region; });
  return base * (found == kFactors.end() ? 1 : found->factor);
}

}  // namespace flame::fly
