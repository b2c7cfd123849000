// Proofs that both ends of a link hold the token, which itself is never sent (PROTOCOL.md §1).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace flame::wire {

inline constexpr std::size_t kNonceBytes = 32;
inline constexpr std::size_t kTokenMinBytes = 16;  // a stranger may try tokens offline on the runner's proof
inline constexpr std::size_t kTokenMaxBytes = 4096;

// The two nonces of one link, raw.
struct Nonces {
  std::string client, runner;
};

std::string make_nonce();                                         // raw
std::optional<std::string> read_nonce(std::string_view hex);      // 64 hex digits, or nothing
std::string runner_proof(std::string_view token, const Nonces&);  // hex
std::string client_proof(std::string_view token, const Nonces&);  // hex

// Without the newline that editors and `echo` leave. Throws Error(config) that names where, not what.
std::string checked_token(std::string_view text, std::string_view where);

}  // namespace flame::wire
