#include "regions.hpp"

#include <algorithm>
#include <array>

#include "errors.hpp"

namespace flame::fly {
namespace {

constexpr std::array<Region, 18> kRegions = {{{"iad", "Ashburn, Virginia (US)", "us"},
                                              {"ewr", "Secaucus, NJ (US)", "us"},
                                              {"ord", "Chicago, Illinois (US)", "us"},
                                              {"dfw", "Dallas, Texas (US)", "us"},
                                              {"lax", "Los Angeles, California (US)", "us"},
                                              {"sjc", "San Jose, California (US)", "us"},
                                              {"yyz", "Toronto, Canada", "na"},
                                              {"ams", "Amsterdam, Netherlands", "eu"},
                                              {"arn", "Stockholm, Sweden", "eu"},
                                              {"cdg", "Paris, France", "eu"},
                                              {"fra", "Frankfurt, Germany", "eu"},
                                              {"lhr", "London, United Kingdom", "eu"},
                                              {"gru", "Sao Paulo, Brazil", "sa"},
                                              {"bom", "Mumbai, India", "apac"},
                                              {"nrt", "Tokyo, Japan", "apac"},
                                              {"sin", "Singapore, Singapore", "apac"},
                                              {"syd", "Sydney, Australia", "apac"},
                                              {"jnb", "Johannesburg, South Africa", "af"}}};

bool in_area(const Region& region, std::string_view word) {
  return word == "any" || region.area == word || (word == "na" && region.area == "us");
}

}  // namespace

std::span<const Region> regions() { return kRegions; }

const Region* find_region(std::string_view code) {
  const auto* found =
      std::find_if(kRegions.begin(), kRegions.end(), [&](const Region& r) { return r.code == code; });
  return found == kRegions.end() ? nullptr : found;
}

std::vector<std::string> region_candidates(std::string_view words) {
  std::vector<std::string> out;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(','));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    const std::size_t before = out.size();
    for (const Region& region : kRegions)
      if (region.code == word || in_area(region, word)) out.emplace_back(region.code);
    if (out.size() == before)
      throw bad_request("invalid_argument: region " + std::string(word) + " not found");
  }
  return out;
}

}  // namespace flame::fly
