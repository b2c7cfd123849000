// SHA-256, HMAC-SHA256, random bytes, comparison in constant time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace flame {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  std::string finish();  // 32 raw bytes; once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view bytes);
// Hash of a whole file through its descriptor, from offset 0; its position stays. Throws Error(system).
std::string sha256_fd(int fd);
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string random_bytes(std::size_t count);
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace flame
