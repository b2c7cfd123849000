#include "client/calls/call_id.hpp"

#include <cstring>

#include "base/hash.hpp"

namespace flame::client {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's
constexpr std::size_t kDigitCount = 13;
constexpr unsigned kDigitBits = 5;

char digit_meant(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == 'i' || c == 'l') return '1';
  return c == 'o' ? '0' : c;
}

}  // namespace

std::uint64_t new_call_id() {
  std::uint64_t id = 0;
  while (id == 0) std::memcpy(&id, random_bytes(sizeof id).data(), sizeof id);
  return id;
}

std::string call_id_text(std::uint64_t id) {
  std::string out(kDigitCount, '0');
  for (std::size_t at = kDigitCount; at-- > 0; id >>= kDigitBits) out[at] = kDigits[id & 31U];
  return out;
}

std::optional<std::string> read_call_id_prefix(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += digit_meant(c);
    if (kDigits.find(out.back()) == std::string_view::npos) return std::nullopt;
  }
  // The first digit stands for the four bits that are left.
  if (out.empty() || out.size() > kDigitCount || out[0] > 'f') return std::nullopt;
  return out;
}

std::optional<std::uint64_t> read_call_id(std::string_view text) {
  const auto digits = read_call_id_prefix(text);
  if (!digits || digits->size() != kDigitCount) return std::nullopt;
  std::uint64_t id = 0;
  for (const char c : *digits) id = id << kDigitBits | kDigits.find(c);
  return id;
}

}  // namespace flame::client
