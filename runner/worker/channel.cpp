#include "runner/worker/channel.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "base/text.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::worker {

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
  std::string bytes;
  do {
    const std::string_view piece = body.substr(0, wire::kPieceBytes);
    body.remove_prefix(piece.size());
    bytes.clear();
    const std::uint8_t more = body.empty() ? std::uint8_t{0} : wire::flag::more;
    wire::append_frame(bytes, type, flags | more, call, piece);
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      at += static_cast<std::size_t>(n);
    }
  } while (!body.empty());
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
  return send(wire::FrameType::error, 0, call, body);
}

std::optional<wire::Frame> Channel::receive() {
  for (;;) {
    if (auto frame = reader_.next()) return frame;
    char* room = reader_.prepare(wire::kPieceBytes);
    ssize_t n;
    do n = ::recv(fd_, room, wire::kPieceBytes, 0);
    while (n < 0 && errno == EINTR);
    reader_.commit(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n <= 0) return std::nullopt;
  }
}

}  // namespace flame::worker
