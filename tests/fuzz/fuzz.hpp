// What every fuzz target shares: bytes in; a parser either takes them or refuses with an Error that says why.
// Anything else is a finding.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace flame::fuzz {

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Both compilers keep it, unlike assert.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Runs body; a refusal must have words.
template <class Body>
void answered(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    require(!error.message.empty());
  }
}

}  // namespace flame::fuzz
