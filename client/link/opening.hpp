// The first moments of a link: connect, upgrade, and the proofs of both sides (PROTOCOL.md §1).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/link/address.hpp"

namespace flame::client {

// Throws Error(unreachable), or Error(config) for an address that is none. Over TCP it may still be on its
// way, until finish_connect says that it is there; poll for POLLOUT meanwhile. The deadline is for a Unix
// socket whose queue is full.
struct ConnectRefused : Error {  // nobody listens there: the process is gone
  using Error::Error;
};
UniqueFd begin_connect(const Address& address, Deadline deadline);
bool finish_connect(const Address& address, int fd);  // false: not yet. Throws Error(unreachable).

class Opening {
 public:
  // session_id: what our session is called, should the link be lost; empty: it ends with the link.
  Opening(const Address& address, const std::string& session_id);

  const std::string& request() const { return request_; }
  // The head of the answer. Throws Error(protocol, refused, unreachable) when it is not the 101 that we asked
  // for.
  void check_answer(std::string_view head) const;
  // What the hello says, and the frame `auth` to answer it with ("" where no token is used). Throws
  // Error(protocol), Error(refused) when the runner does not hold our token.
  struct Hello {
    std::uint64_t window_bytes = 0;
    std::uint64_t grace_ms = 0;  // 0: the runner does not wait for those who have lost their links
    std::string auth;
  };
  // received: so much of the session has come by an earlier link.
  Hello check_hello(std::string_view body, std::optional<std::uint64_t> received) const;
  // What a `resumed` says that the runner has. Throws Error(refused) when it has no such session.
  static std::uint64_t position_in(std::string_view resumed);

 private:
  std::string auth_for(const std::string& nonce, const std::string& proof,
                       std::optional<std::uint64_t> received) const;
  std::string token_, nonce_, key_, request_;
};

}  // namespace flame::client
