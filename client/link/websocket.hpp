// WebSocket messages by hand, client side: bytes in, frames out; frames in, bytes out. No sockets here.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/frame.hpp"

namespace flame::client {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// Writes masked messages. RFC 6455 wants a mask that cannot be foretold for each; random bytes are fetched
// for many at a time, since a system call a message would cost more than the message.
class MessageWriter {
 public:
  // payload must be at most kMessageMaxBytes.
  void append(std::string& out, Opcode opcode, std::string_view payload);

 private:
  std::uint32_t next_mask();
  std::array<std::uint32_t, 64> masks_{};
  std::size_t left_ = 0;
};

// Takes messages apart. Payload of binary messages goes to a FrameReader as it comes, without waiting for the
// message's end.
class MessageReader {
 public:
  // Throws Error(protocol): masked, text, extension bits, a message or control message that is too long.
  void feed(std::string_view bytes, wire::FrameReader& frames);

  bool closed() const { return closed_; }         // the other side said close
  int close_code() const { return close_code_; }  // and why (RFC 6455 §7.4); 0: it did not say
  // Payload of the last ping that nobody has answered; the answer takes it.
  bool take_ping(std::string& payload);

 private:
  bool take_head(std::string_view& bytes);
  void end_control();

  std::string head_;  // of the message that begins, as long as it is not whole
  Opcode opcode_{};
  std::uint64_t left_ = 0;   // payload bytes of this message that are to come
  std::uint64_t whole_ = 0;  // bytes of a message that comes in several pieces
  bool inside_ = false, closed_ = false, pinged_ = false;
  int close_code_ = 0;
  std::string control_, ping_;
};

// XOR with a mask repeated, eight bytes a step; the compiler makes wider ones of them.
void mask_bytes(char* data, std::size_t size, std::uint32_t mask);

}  // namespace flame::client
