// What is said on links that outlive their losses when this process is done with them (PROTOCOL.md §10): a
// WebSocket close, so that no runner waits for us. A process that dies of a signal says it from the handler.
#pragma once
#include <string_view>

namespace flame::client {

inline constexpr std::string_view kCloseMessage{"\x88\x82\x5a\x13\xc7\x2e\x59\xfb", 8};  // 1000, masked

// On every link that there is, as far as their sockets take it now; then waits a moment until the runners
// have closed them. Async-signal-safe.
void say_farewell() noexcept;

// Reads what comes on a socket until the other side has closed it, for a moment: what is closed with
// something unread is reset, and a reset may overtake our last words.
void await_close(int fd) noexcept;

// Remembers one link's socket for say_farewell. It must be forgotten before the socket is closed.
class FarewellTo {
 public:
  FarewellTo() = default;
  ~FarewellTo() { forget(); }
  FarewellTo(const FarewellTo&) = delete;
  FarewellTo& operator=(const FarewellTo&) = delete;
  void remember(int fd);
  void forget();

 private:
  int place_ = -1;
};

}  // namespace flame::client
