#include "wire/frame.hpp"

#include <cstring>

#include "base/error.hpp"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "x86-64 and arm64 only: numbers are copied as they are");

namespace flame::wire {

void put_u32(std::string& out, std::uint32_t value) { out.append(reinterpret_cast<const char*>(&value), 4); }
void put_u64(std::string& out, std::uint64_t value) { out.append(reinterpret_cast<const char*>(&value), 8); }
std::uint32_t get_u32(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, 4);
  return value;
}
std::uint64_t get_u64(const char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}

void append_frame(std::string& out, FrameType type, std::uint8_t flags, std::uint64_t call,
                  std::string_view body) {
  if (body.size() > kFrameBodyMaxBytes)
    throw Error(ErrorKind::limit, "a frame of " + std::to_string(body.size()) + " bytes; the limit is " +
                                      std::to_string(kFrameBodyMaxBytes));
  put_u32(out, static_cast<std::uint32_t>(body.size()));
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out.append(2, '\0');
  put_u64(out, call);
  out += body;
}

void append_pieces(std::string& out, FrameType type, std::uint8_t flags, std::uint64_t call,
                   std::string_view body) {
  while (body.size() > kPieceBytes) {
    append_frame(out, type, flags | flag::more, call, body.substr(0, kPieceBytes));
    body.remove_prefix(kPieceBytes);
  }
  append_frame(out, type, flags, call, body);
}

void FrameReader::feed(std::string_view bytes) {
  std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

char* FrameReader::prepare(std::size_t size) {
  if (at_ == end_) at_ = end_ = 0;
  if (buffer_.size() - end_ < size && at_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
  }
  if (buffer_.size() - end_ < size) buffer_.resize(end_ + size);
  return buffer_.data() + end_;
}

void FrameReader::commit(std::size_t size) { end_ += size; }

std::optional<Frame> FrameReader::next() {
  std::string_view left(buffer_.data() + at_, end_ - at_);
  const auto frame = take_frame(left);
  at_ = end_ - left.size();
  return frame;
}

std::optional<Frame> take_frame(std::string_view& bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const char* head = bytes.data();
  const std::size_t length = get_u32(head);
  if (length > kFrameBodyMaxBytes)
    throw Error(ErrorKind::protocol, "a frame of " + std::to_string(length) + " bytes came; the limit is " +
                                         std::to_string(kFrameBodyMaxBytes));
  if (bytes.size() < kHeaderBytes + length) return std::nullopt;
  Frame frame;
  frame.type = static_cast<FrameType>(head[4]);
  frame.flags = static_cast<std::uint8_t>(head[5]);
  frame.call = get_u64(head + 8);
  frame.body = bytes.substr(kHeaderBytes, length);
  bytes.remove_prefix(kHeaderBytes + length);
  return frame;
}

void append_call_head(std::string& out, const CallHead& head) {
  put_u32(out, head.bind);
  put_u32(out, head.argument_count);
  put_u64(out, head.remaining_ms);
}

std::optional<CallHead> read_call_head(std::string_view body) {
  if (body.size() < kCallHeadBytes) return std::nullopt;
  return CallHead{get_u32(body.data()), get_u32(body.data() + 4), get_u64(body.data() + 8)};
}

void write_call_head(char* body, const CallHead& head) {
  std::memcpy(body, &head.bind, 4);
  std::memcpy(body + 4, &head.argument_count, 4);
  std::memcpy(body + 8, &head.remaining_ms, 8);
}

void append_bytes_begin(std::string& out) { out += static_cast<char>(ArgumentKind::bytes); }
void append_bytes_chunk(std::string& out, std::string_view data) {
  put_u32(out, static_cast<std::uint32_t>(data.size()));
  out += data;
}
void append_bytes_end(std::string& out) { put_u32(out, 0); }

void append_argument(std::string& out, ArgumentKind kind, std::string_view value) {
  out += static_cast<char>(kind);
  if (kind != ArgumentKind::bytes) return append_bytes_chunk(out, value);
  while (!value.empty()) {
    const std::string_view chunk = value.substr(0, kFrameBodyMaxBytes);
    append_bytes_chunk(out, chunk);
    value.remove_prefix(chunk.size());
  }
  append_bytes_end(out);
}

namespace {
std::string_view take_chunk(char*& at, const char* end) {
  if (end - at < 4) throw Error(ErrorKind::protocol, "an argument list ends inside an argument");
  const std::size_t length = get_u32(at);
  at += 4;
  if (static_cast<std::size_t>(end - at) < length)
    throw Error(ErrorKind::protocol, "an argument is longer than its list");
  const std::string_view chunk(at, length);
  at += length;
  return chunk;
}
}  // namespace

Argument take_argument(char*& at, char* end) {
  if (at == end) throw Error(ErrorKind::protocol, "an argument list holds fewer arguments than it says");
  Argument argument;
  argument.kind = static_cast<ArgumentKind>(*at++);
  switch (argument.kind) {
    case ArgumentKind::word:
    case ArgumentKind::json:
    case ArgumentKind::json_array:
      argument.value = take_chunk(at, end);
      return argument;
    case ArgumentKind::bytes:
      break;
    default:
      throw Error(ErrorKind::protocol, "an argument of an unknown kind");
  }
  char* const first = at;
  char* joined = first;
  for (std::string_view chunk = take_chunk(at, end); !chunk.empty(); chunk = take_chunk(at, end)) {
    std::memmove(joined, chunk.data(), chunk.size());
    joined += chunk.size();
  }
  argument.value = std::string_view(first, static_cast<std::size_t>(joined - first));
  return argument;
}

}  // namespace flame::wire
