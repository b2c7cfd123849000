#include "client/link/websocket.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/hash.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kControlMaxBytes = 125;

Error broken(const std::string& what) { return Error(ErrorKind::protocol, "the runner sent " + what); }

}  // namespace

void mask_bytes(char* data, std::size_t size, std::uint32_t mask) {
  const std::uint64_t wide = std::uint64_t{mask} << 32 | mask;
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + at, 8);
    word ^= wide;
    std::memcpy(data + at, &word, 8);
  }
  for (; at < size; ++at) data[at] = static_cast<char>(data[at] ^ static_cast<char>(mask >> (8 * (at % 4))));
}

std::uint32_t MessageWriter::next_mask() {
  if (left_ == 0) {
    // The first is fetched alone: a client that sends two messages in its life pays for two.
    left_ = masks_[0] == 0 ? 2 : masks_.size();
    const std::string bytes = random_bytes(left_ * 4);
    std::memcpy(masks_.data(), bytes.data(), bytes.size());
  }
  return masks_[--left_];
}

void MessageWriter::append(std::string& out, Opcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    const int bytes = payload.size() < 65536 ? 2 : 8;
    out += static_cast<char>(0x80 | (bytes == 2 ? 126 : 127));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(payload.size() >> shift);
  }
  const std::uint32_t mask = next_mask();
  out.append(reinterpret_cast<const char*>(&mask), 4);
  const std::size_t from = out.size();
  out += payload;
  mask_bytes(out.data() + from, payload.size(), mask);
}

// Moves bytes into head_ until the head of a message is whole; then true.
bool MessageReader::take_head(std::string_view& bytes) {
  const auto want = [&](std::size_t size) {
    const std::size_t more = std::min(bytes.size(), size - std::min(size, head_.size()));
    head_ += bytes.substr(0, more);
    bytes.remove_prefix(more);
    return head_.size() >= size;
  };
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head_[i]); };
  if (!want(2)) return false;
  std::uint64_t size = byte(1) & 127U;
  const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (!want(2 + extra)) return false;
  if (extra > 0) size = 0;
  for (std::size_t i = 2; i < 2 + extra; ++i) size = size << 8 | byte(i);
  const unsigned opcode = byte(0) & 15U;
  const bool control = opcode >= 8;
  if ((byte(1) & 128U) != 0 || (byte(0) & 0x70U) != 0 || opcode == 1 || opcode > 10 ||
      (opcode > 2 && !control))
    throw broken("what is not a binary WebSocket message");
  if (control && (size > kControlMaxBytes || (byte(0) & 0x80U) == 0))
    throw broken("a control message that is too long");
  opcode_ = static_cast<Opcode>(opcode);
  left_ = size;
  if (!control) whole_ = (opcode == 0 ? whole_ : 0) + size;
  if (size > wire::kMessageMaxBytes || whole_ > wire::kMessageMaxBytes)
    throw broken("a message of " + std::to_string(std::max(size, whole_)) + " bytes; the limit is " +
                 std::to_string(wire::kMessageMaxBytes));
  head_.clear();
  return true;
}

void MessageReader::feed(std::string_view bytes, wire::FrameReader& frames) {
  while (!bytes.empty()) {
    if (!inside_ && !take_head(bytes)) return;
    inside_ = true;
    const std::string_view part = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    bytes.remove_prefix(part.size());
    left_ -= part.size();
    const bool control = opcode_ >= Opcode::close;
    if (control)
      control_ += part;
    else if (!part.empty())
      frames.feed(part);
    if (left_ > 0) return;
    inside_ = false;
    if (control) end_control();
  }
}

void MessageReader::end_control() {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(control_[i]); };
  if (opcode_ == Opcode::close) {
    closed_ = true;
    close_code_ = control_.size() >= 2 ? byte(0) << 8 | byte(1) : 0;
  }
  if (opcode_ == Opcode::ping) {
    ping_ = control_;
    pinged_ = true;
  }
  control_.clear();
}

bool MessageReader::take_ping(std::string& payload) {
  if (!pinged_) return false;
  pinged_ = false;
  payload.swap(ping_);
  return true;
}

}  // namespace flame::client
