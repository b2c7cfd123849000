// SHA-256, HMAC-SHA256, random bytes, comparison in constant time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/sha256_blocks.hpp"

namespace flame {

class Sha256 {
 public:
  void update(std::string_view bytes);
  std::string finish();  // 32 raw bytes; once

 private:
  Sha256Words words_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::uint64_t size_bytes_ = 0;
  std::array<unsigned char, kSha256BlockBytes> part_;  // of a block, size_bytes_ % kSha256BlockBytes of it
};

std::string sha256(std::string_view bytes);
// Hash of a whole file through its descriptor, from offset 0; its position stays. Throws Error(system).
std::string sha256_fd(int fd);
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string random_bytes(std::size_t count);
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace flame
