// Frames: a fixed little-endian header and a body. The same on the link and between runner and worker.
// PROTOCOL.md is the specification.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/limits.hpp"

namespace flame::wire {

enum class FrameType : std::uint8_t {
  // client → runner
  auth = 1,
  bind = 2,
  call = 3,
  input = 4,
  end_input = 5,
  cancel = 6,
  offer = 7,
  ship = 8,
  fetch = 9,
  release = 10,
  received = 11,  // both ways
  withdraw = 12,
  look = 16,
  // runner → client
  hello = 32,
  bound = 33,
  accepted = 34,
  started = 35,
  log = 36,
  progress = 37,
  output = 38,
  result = 39,
  error = 40,
  busy = 41,
  draining = 42,
  window = 43,
  usage = 44,
  wanted = 45,
  stored = 46,
  held = 47,
  resumed = 48,
  info = 56,
  // worker → runner only
  withdrawn = 64,
};

namespace flag {
inline constexpr std::uint8_t more = 0x01;      // the body goes on in the next frame of this type and call
inline constexpr std::uint8_t bytes = 0x02;     // result: raw bytes instead of JSON
inline constexpr std::uint8_t none = 0x04;      // result: the function declares none; nothing is printed
inline constexpr std::uint8_t detached = 0x08;  // call: it goes on without its client, and is kept by its id
inline constexpr std::uint8_t critical = 0x80;  // a receiver that does not know the type must fail the call
}  // namespace flag

struct Frame {
  FrameType type{};
  std::uint8_t flags = 0;
  std::uint64_t call = 0;  // 0: about the link or a bind, not a call
  std::string_view body;   // borrowed: until the reader is fed or advanced again

  bool has(std::uint8_t bit) const { return (flags & bit) != 0; }
};

// Appends one frame. body must be at most kFrameBodyMaxBytes (Error(limit) otherwise).
void append_frame(std::string& out, FrameType type, std::uint8_t flags, std::uint64_t call,
                  std::string_view body);
// Appends a body of any length as pieces of kPieceBytes, all but the last with flag::more.
void append_pieces(std::string& out, FrameType type, std::uint8_t flags, std::uint64_t call,
                   std::string_view body);

// Takes the frame at the front off `bytes`, whose body stays where it is; nothing when not all of it is
// there. Throws Error(protocol) for a body over the limit.
std::optional<Frame> take_frame(std::string_view& bytes);

// Bytes in, frames out. Throws Error(protocol) for a body over the limit, before any of it is kept.
class FrameReader {
 public:
  void feed(std::string_view bytes);
  std::optional<Frame> next();  // its body is valid until the next feed() or next()
  bool between_frames() const { return at_ == end_; }
  std::string_view rest() const { return {buffer_.data() + at_, end_ - at_}; }  // fed and not yet handed out
  // Room to read into, so that a socket's bytes are copied once: prepare, read, commit.
  char* prepare(std::size_t size);
  void commit(std::size_t size);

 private:
  std::string buffer_;   // never shrinks, so that reading does not fill it with zeros again and again
  std::size_t at_ = 0;   // first byte not yet taken
  std::size_t end_ = 0;  // end of the bytes that came
};

// ---- The body of `call`: bind number, arguments, remaining time (PROTOCOL.md §5) ----

enum class ArgumentKind : std::uint8_t {
  word = 1,        // text from a command line, converted by the parameter's type
  json = 2,        // one JSON value of the parameter's type
  bytes = 3,       // raw bytes, in chunks that end with an empty one
  json_array = 4,  // the only argument: a JSON array that holds all of them
};

struct CallHead {
  std::uint32_t bind = 0;
  std::uint32_t argument_count = 0;
  std::uint64_t remaining_ms = 0;  // kUnlimitedMs: no deadline
};
inline constexpr std::size_t kCallHeadBytes = 16;

void append_call_head(std::string& out, const CallHead& head);
std::optional<CallHead> read_call_head(std::string_view body);
// Overwrites the head of a call body that is passed on (the runner renumbers binds).
void write_call_head(char* body, const CallHead& head);

void append_argument(std::string& out, ArgumentKind kind,
                     std::string_view value);                      // bytes: one chunk and its end
void append_bytes_begin(std::string& out);                         // kind byte of a chunked argument
void append_bytes_chunk(std::string& out, std::string_view data);  // data not empty
void append_bytes_end(std::string& out);

struct Argument {
  ArgumentKind kind{};
  std::string_view value;  // of bytes: all chunks, joined in place
};
// Takes the next argument off the front of a whole argument list. Chunks of a bytes argument are moved
// together inside the buffer, which is why it is writable. Throws Error(protocol).
Argument take_argument(char*& at, char* end);

// ---- Little-endian numbers ----
void put_u32(std::string& out, std::uint32_t value);
void put_u64(std::string& out, std::uint64_t value);
std::uint32_t get_u32(const char* at);
std::uint64_t get_u64(const char* at);

}  // namespace flame::wire
