#include "base/hash.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.hpp"

namespace flame {

void Sha256::update(std::string_view bytes) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  const std::size_t held = size_bytes_ % kSha256BlockBytes;
  size_bytes_ += left;
  if (held > 0) {
    const std::size_t more = std::min(left, kSha256BlockBytes - held);
    std::memcpy(part_.data() + held, data, more);
    data += more, left -= more;
    if (held + more < kSha256BlockBytes) return;
    sha256_blocks(words_, part_.data(), 1);
  }
  const std::size_t whole = left / kSha256BlockBytes;
  if (whole > 0) sha256_blocks(words_, data, whole);
  const std::size_t rest = left % kSha256BlockBytes;
  if (rest > 0) std::memcpy(part_.data(), data + left - rest, rest);
}

// A bit, zeros up to eight bytes before a block's end, the size in bits.
std::string Sha256::finish() {
  std::string end(1 + (119 - size_bytes_ % kSha256BlockBytes) % kSha256BlockBytes, '\0');
  end[0] = static_cast<char>(0x80);
  for (int shift = 56; shift >= 0; shift -= 8) end += static_cast<char>(size_bytes_ * 8 >> shift);
  update(end);
  std::string out;
  for (const std::uint32_t word : words_)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(word >> shift);
  return out;
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string sha256_fd(int fd) {
  Sha256 hash;
  constexpr std::size_t size = 64 * 1024;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  off_t at = 0;
  for (;;) {
    const ssize_t n = ::pread(fd, buffer.get(), size, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read the file to hash", errno);
    if (n == 0) return hash.finish();
    hash.update({buffer.get(), static_cast<std::size_t>(n)});
    at += n;
  }
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  constexpr std::size_t block = 64;
  std::string padded(key.size() > block ? sha256(key) : std::string(key));
  padded.resize(block, '\0');
  std::string inner = padded, outer = padded;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return sha256(outer + sha256(inner.append(text)));
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t n = ::getrandom(out.data() + done, count - done, 0);
    if (n < 0 && errno != EINTR) throw system_error("cannot get random bytes", errno);
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  return difference == 0;
}

}  // namespace flame
