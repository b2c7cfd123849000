#include "backends/fly/guest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

struct Kind {
  std::string_view name, prefix, short_prefix;
  std::array<std::uint64_t, 9> cpus;  // ascending; 0: no more
  std::uint64_t least_mb, most_mb, step_mb;
  double usd_per_cpu_second;  // with least_mb for each cpu
};
constexpr std::array<Kind, 2> kKinds = {{
    {"shared", "shared-cpu-", "shared-", {1, 2, 4, 6, 8}, 256, 2048, 256, 0.0000008465},
    {"performance",
     "performance-",
     "performance-",
     {1, 2, 4, 6, 8, 10, 12, 14, 16},
     2048,
     8192,
     1024,
     0.000012732},
}};
constexpr double kUsdPerExtraGbSecond = 0.000002316;

struct Region {
  std::string_view code;
  double factor;
};
constexpr std::array<Region, 17> kRegions = {{{"iad", 1},
                                              {"ewr", 1},
                                              {"ams", 1.038},
                                              {"arn", 1.038},
                                              {"yyz", 1.115},
                                              {"lhr", 1.135},
                                              {"cdg", 1.135},
                                              {"fra", 1.154},
                                              {"sjc", 1.192},
                                              {"lax", 1.200},
                                              {"ord", 1.25},
                                              {"dfw", 1.25},
                                              {"sin", 1.269},
                                              {"syd", 1.269},
                                              {"jnb", 1.303},
                                              {"nrt", 1.308},
                                              {"gru", 1.615}}};

const Kind& kind_of(std::string_view name) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.name == name; });
}

// The least that is enough, else the most there is.
std::uint64_t nearest_count(const Kind& kind, std::uint64_t wanted) {
  std::uint64_t best = kind.cpus.front();
  for (const std::uint64_t count : kind.cpus)
    if (count != 0 && best < wanted) best = count;
  return best;
}

Guest legal_near(const Kind& kind, std::uint64_t cpus, std::uint64_t memory_mb) {
  Guest out;
  out.kind = kind.name;
  out.cpus = nearest_count(kind, cpus);
  const std::uint64_t stepped = (memory_mb + kind.step_mb - 1) / kind.step_mb * kind.step_mb;
  out.memory_mb = std::clamp(stepped, out.cpus * kind.least_mb, out.cpus * kind.most_mb);
  return out;
}

std::optional<std::uint64_t> memory_from(std::string_view text) {
  const bool plain = text.find_first_not_of("0123456789") == std::string_view::npos;
  const auto bytes = parse_size_bytes(plain ? std::string(text) + "MB" : std::string(text));
  if (!bytes) return std::nullopt;
  return *bytes / (1024 * 1024);
}

Error no_such_guest(std::string_view text, const std::string& why, const std::string& near) {
  return Error(ErrorKind::config, "Fly has no guest '" + printable(text) + "'" + why,
               "the nearest that it has is '" + near + "'");
}

}  // namespace

std::string Guest::name() const {
  const Kind& kind_row = kind_of(kind);
  std::string out = std::string(kind_row.prefix) + std::to_string(cpus) + "x";
  if (memory_mb != cpus * kind_row.least_mb) out += ":" + std::to_string(memory_mb) + "MB";
  return out;
}

Guest parse_guest(std::string_view text) {
  if (text.empty()) return {};
  const std::size_t colon = text.find(':');
  const std::string_view size = text.substr(0, colon);
  for (const Kind& kind : kKinds) {
    std::string_view rest = size;
    if (rest.starts_with(kind.prefix))
      rest.remove_prefix(kind.prefix.size());
    else if (rest.starts_with(kind.short_prefix))
      rest.remove_prefix(kind.short_prefix.size());
    else
      continue;
    std::uint64_t cpus = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), cpus);
    if (error != std::errc() ||
        std::string_view(end, static_cast<std::size_t>(rest.data() + rest.size() - end)) != "x")
      throw no_such_guest(text, "", legal_near(kind, 1, 0).name());
    std::uint64_t memory_mb = nearest_count(kind, cpus) * kind.least_mb;
    if (colon != std::string_view::npos) {
      const auto given = memory_from(text.substr(colon + 1));
      if (!given) throw no_such_guest(text, ": its memory is not a size", legal_near(kind, cpus, 0).name());
      memory_mb = *given;
    }
    const Guest near = legal_near(kind, cpus, memory_mb);
    if (near.cpus != cpus) throw no_such_guest(text, "", near.name());
    if (near.memory_mb != memory_mb)
      throw no_such_guest(text,
                          ": it has " + std::to_string(cpus * kind.least_mb) + " to " +
                              std::to_string(cpus * kind.most_mb) + " MB in steps of " +
                              std::to_string(kind.step_mb),
                          near.name());
    return near;
  }
  const auto near = nearest(size, {"shared-cpu-1x", "shared-cpu-2x", "shared-cpu-4x", "shared-cpu-8x",
                                   "performance-1x", "performance-2x", "performance-4x", "performance-8x"});
  throw no_such_guest(text, "", near.value_or("shared-cpu-1x"));
}

double price_per_second(const Guest& guest, std::string_view region) {
  const Kind& kind = kind_of(guest.kind);
  const double extra_gb = static_cast<double>(guest.memory_mb - guest.cpus * kind.least_mb) / 1024;
  const auto row =
      std::find_if(kRegions.begin(), kRegions.end(), [&](const Region& one) { return one.code == region; });
  const double factor = row == kRegions.end() ? kRegions.back().factor : row->factor;
  return factor *
         (static_cast<double>(guest.cpus) * kind.usd_per_cpu_second + extra_gb * kUsdPerExtraGbSecond);
}

}  // namespace flame::backend::fly
