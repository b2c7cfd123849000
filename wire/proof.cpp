#include "wire/proof.hpp"

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::wire {
namespace {
std::string proof(std::string_view token, std::string_view who, const Nonces& nonces) {
  return hex(hmac_sha256(token, std::string(who) + nonces.client + nonces.runner));
}
}  // namespace

std::string make_nonce() { return random_bytes(kNonceBytes); }

std::optional<std::string> read_nonce(std::string_view hex) {
  auto raw = from_hex(hex);
  if (!raw || raw->size() != kNonceBytes) return std::nullopt;
  return raw;
}

std::string runner_proof(std::string_view token, const Nonces& nonces) {
  return proof(token, "flame-runner", nonces);
}
std::string client_proof(std::string_view token, const Nonces& nonces) {
  return proof(token, "flame-client", nonces);
}

std::string checked_token(std::string_view text, std::string_view where) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::config, "the token in " + std::string(where) + " " + why,
                 "make one: head -c 32 /dev/urandom | base64");
  };
  if (text.size() < kTokenMinBytes)
    throw refuse("is shorter than " + std::to_string(kTokenMinBytes) + " bytes");
  if (text.size() > kTokenMaxBytes)
    throw refuse("is longer than " + std::to_string(kTokenMaxBytes) + " bytes");
  for (const char c : text)  // it must fit in an HTTP header
    if (c <= ' ' || c > '~') throw refuse("holds what is no printable ASCII character");
  return std::string(text);
}

}  // namespace flame::wire
