// Where machines can be, and what a request's region word means.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flame::fly {

struct Region {
  std::string_view code, name, area;  // area: us eu na sa apac
};
std::span<const Region> regions();
const Region* find_region(std::string_view code);

// "iad", "iad,ord", "eu", "any": candidates in order. Throws ApiError(400) for a word that is none.
std::vector<std::string> region_candidates(std::string_view words);

}  // namespace flame::fly
