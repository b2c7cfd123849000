#include "runner/worker/channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::worker {

constexpr std::size_t kReadBytes = 3 * (wire::kPieceBytes + wire::kHeaderBytes);  // a socket holds no more
constexpr std::uint64_t kHeldMaxBytes = 32 * 1024;
constexpr std::chrono::microseconds kHeldMax{50};  // a write(2) costs a few of them

std::string error_json(const Error& error) {
  std::string out = "{\"kind\":";
  append_json_string(out, error_kind_name(error.kind));
  const auto add = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    out.append(",\"").append(key).append("\":");
    append_json_string(out, valid_utf8(value) ? value : std::string_view(printable(value, true)));
  };
  add("fate", fate_name(error.fate));
  add("message", error.message.empty() ? "no message" : error.message);
  add("hint", error.hint);
  add("type", error.type);
  add("phase", error.phase);
  if (error.code != 0) out += ",\"code\":" + std::to_string(error.code);
  if (error.signal != 0) out += ",\"signal\":" + std::to_string(error.signal);
  if (!error.crash.empty()) out += ",\"crash\":" + error.crash;
  return out + "}";
}

bool Channel::send(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body) {
  const std::lock_guard lock(writing_);
  return put(type, flags, call, body) && send_ring();
}

bool Channel::put_before_answer(wire::FrameType type, std::uint64_t call, std::string_view body) {
  const std::lock_guard lock(writing_);
  return put(type, 0, call, body);
}

bool Channel::answer(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body) {
  const std::lock_guard lock(writing_);
  if (!put(type, flags, call, body)) return false;
  if (produced_ - sent_ < kHeldMaxBytes && Clock::now() - sent_at_ < kHeldMax) return true;
  return send_ring();
}

// Into the ring, or, when it is long, through the socket behind what is in the ring.
bool Channel::put(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body) {
  std::string& bytes = frame_;
  if (body.size() + wire::kHeaderBytes <= kRingFrameMaxBytes) {
    bytes.clear();
    wire::append_frame(bytes, type, flags, call, body);
    const std::size_t at = produced_ % kAnswersBytes;
    const std::size_t first = std::min<std::size_t>(bytes.size(), kAnswersBytes - at);
    std::memcpy(page_.answers + at, bytes.data(), first);
    std::memcpy(page_.answers, bytes.data() + first, bytes.size() - first);
    page_.produced.store(produced_ += bytes.size());
    return true;
  }
  if (!send_ring()) return false;
  do {
    const std::string_view piece = body.substr(0, wire::kPieceBytes);
    body.remove_prefix(piece.size());
    const std::uint8_t more = body.empty() ? std::uint8_t{0} : wire::flag::more;
    if (!send_piece(type, flags | more, call, piece)) return false;
  } while (!body.empty());
  return true;
}

// Header and body from where they are: a copy would cost as much as the kernel's own.
bool Channel::send_piece(wire::FrameType type, std::uint8_t flags, std::uint64_t call,
                         std::string_view piece) {
  const auto size = static_cast<std::uint32_t>(piece.size());
  frame_.clear();
  wire::append_frame(frame_, type, flags, call, {});
  std::memcpy(frame_.data(), &size, sizeof size);
  page_.direct_end.store(produced_ + frame_.size() + size);
  iovec parts[] = {{frame_.data(), frame_.size()}, {const_cast<char*>(piece.data()), piece.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t n;
  do n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) return false;
  const auto sent = static_cast<std::size_t>(n);
  const std::size_t head = std::min(sent, frame_.size());
  if (!send_bytes(frame_.data() + head, frame_.size() - head)) return false;
  piece.remove_prefix(sent - head);
  if (!send_bytes(piece.data(), piece.size())) return false;
  page_.produced.store(sent_ = produced_ += frame_.size() + size);
  return true;
}

bool Channel::send_ring() {
  while (sent_ < produced_) {
    const std::size_t at = sent_ % kAnswersBytes;
    const std::size_t size = std::min<std::size_t>(produced_ - sent_, kAnswersBytes - at);
    if (!send_bytes(page_.answers + at, size)) return false;
    sent_ += size;
  }
  sent_at_ = Clock::now();
  return true;
}

bool Channel::send_bytes(const char* data, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t n = ::send(fd_, data + at, size - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

bool Channel::send_error(std::uint64_t call, const Error& error) {
  std::string body = error_json(error);
  if (body.size() > wire::kJsonBodyMaxBytes) {
    Error shorter = error;
    shorter.message.resize(4096);
    if (const auto bad = first_invalid_utf8(shorter.message)) shorter.message.resize(*bad);
    shorter.hint.clear();
    body = error_json(shorter);
  }
  return answer(wire::FrameType::error, 0, call, body);
}

std::optional<wire::Frame> Channel::receive() {
  for (;;) {
    if (auto frame = reader_.next()) return frame;
    {
      const std::lock_guard lock(writing_);
      if (!send_ring()) return std::nullopt;  // nothing waits while we do
    }
    char* room = reader_.prepare(kReadBytes);
    ssize_t n;
    do n = ::recv(fd_, room, kReadBytes, 0);
    while (n < 0 && errno == EINTR);
    reader_.commit(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n <= 0) return std::nullopt;
  }
}

}  // namespace flame::worker
