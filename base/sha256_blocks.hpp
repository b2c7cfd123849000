// The heart of SHA-256 (FIPS 180-4), for base/hash.cpp.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace flame {

using Sha256Words = std::array<std::uint32_t, 8>;
inline constexpr std::size_t kSha256BlockBytes = 64;

// Takes `count` whole blocks in. By the CPU's SHA instructions where it has them and there is enough to do.
void sha256_blocks(Sha256Words& words, const unsigned char* data, std::size_t count);

// The same without them.
void sha256_blocks_portable(Sha256Words& words, const unsigned char* data, std::size_t count);

}  // namespace flame
