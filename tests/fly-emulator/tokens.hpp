// Who may do what (fact sheet §1): org, deploy (one app), read-only and exec tokens; some expired, some of
// others.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame::fly {

enum class TokenKind : std::uint8_t { org, deploy, readonly, exec };
std::string_view token_kind_name(TokenKind kind);
std::optional<TokenKind> token_kind_from_name(std::string_view name);

struct Token {
  std::string id, value, org, app;  // app: for deploy and exec; empty: every app of the org
  TokenKind kind = TokenKind::org;
  std::int64_t expires_at_ms = 0;  // 0: in twenty years

  std::string fingerprint() const;  // what the journal shows instead of it
  bool opens(std::string_view other_org, std::string_view other_app) const {
    return org == other_org && (app.empty() || app == other_app);
  }
};

class Tokens {
 public:
  void add(Token token) { tokens_.push_back(std::move(token)); }
  // From an Authorization header: "Bearer x", "FlyV1 x", both, any case, comma-separated parts.
  const Token* find(std::string_view authorization, std::int64_t now_ms) const;
  const std::vector<Token>& all() const { return tokens_; }

 private:
  std::vector<Token> tokens_;
};

}  // namespace flame::fly
