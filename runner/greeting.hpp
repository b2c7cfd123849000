// The first words on a link (PROTOCOL.md §1, §10): hello, and the client's answer to it where a token is
// used.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runner/runner.hpp"
#include "wire/frame.hpp"

namespace flame::runner {

class Greeting {
 public:
  // session_id: what the client calls its session; empty: it has no name.
  Greeting(const Runner& runner, std::optional<wire::Nonces> nonces, std::string session_id);

  std::string hello() const;  // the frame's body
  bool wants_auth() const { return nonces_.has_value(); }
  // A session is named only where its client proves itself, and where lost links are waited for.
  const std::string& session_id() const { return session_id_; }

  struct Auth {
    std::optional<std::uint64_t> received;  // a session is taken up: the client has so much of it
  };
  // Throws Error(refused) without a right proof, Error(protocol) for a count that is none.
  Auth take_auth(const wire::Frame& frame) const;

 private:
  const Runner& runner_;
  std::optional<wire::Nonces> nonces_;
  std::string session_id_;
};

}  // namespace flame::runner
