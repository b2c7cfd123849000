#include "tokens.hpp"

#include <algorithm>
#include <array>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::fly {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"org", "deploy", "readonly", "exec"};

bool take_word(std::string_view& text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if ((text[i] | 0x20) != (word[i] | 0x20)) return false;
  text.remove_prefix(word.size());
  while (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view token_kind_name(TokenKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<TokenKind> token_kind_from_name(std::string_view name) {
  const auto* found = std::find(kKinds.begin(), kKinds.end(), name);
  if (found == kKinds.end()) return std::nullopt;
  return static_cast<TokenKind>(found - kKinds.begin());
}

std::string Token::fingerprint() const { return hex(sha256(value)).substr(0, 12); }

const Token* Tokens::find(std::string_view authorization, std::int64_t now_ms) const {
  bool schemed = false;
  while (take_word(authorization, "bearer ") || take_word(authorization, "flyv1 ")) schemed = true;
  if (!schemed) return nullptr;
  while (!authorization.empty()) {
    const std::string_view part = authorization.substr(0, authorization.find(','));
    authorization.remove_prefix(std::min(authorization.size(), part.size() + 1));
    for (const Token& token : tokens_)
      if (equal_constant_time(token.value, part) &&
          (token.expires_at_ms == 0 || token.expires_at_ms > now_ms))
        return &token;
  }
  return nullptr;
}

}  // namespace flame::fly
