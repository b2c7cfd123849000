#include "light_link.hpp"

#include <openssl/sha.h>

#include <array>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;

namespace {

enum Opcode : unsigned { binary = 2, closing = 8, ping = 9, pong = 10 };
enum FrameType : unsigned { call = 3, hello = 32, error = 40 };
constexpr std::size_t kMessageMaxBytes = 16 * 1024 * 1024, kFrameHeadBytes = 16;

std::string little_endian(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

std::string frame(unsigned type, std::uint64_t id, const std::string& body) {
  return little_endian(body.size(), 4) + little_endian(type, 4) + little_endian(id, 8) + body;
}

std::string message(unsigned opcode, const std::string& payload) {
  std::string out(1, static_cast<char>(0x80U | opcode));
  if (payload.size() < 126) return out + static_cast<char>(payload.size()) + payload;
  out += static_cast<char>(126);
  out += static_cast<char>(payload.size() >> 8);
  out += static_cast<char>(payload.size());
  return out + payload;
}

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string hello_of(const Request& request, const LightIdentity& identity) {
  json::object out{{"protocol", {1, 1}},
                   {"abi", 1},
                   {"version", "light"},
                   {"build", "light"},
                   {"runner", identity.name},
                   {"slots", 1},
                   {"busy", 0},
                   {"queued", 0},
                   {"credit", 1024},
                   {"window_bytes", 262144},
                   {"draining", false},
                   {"capabilities", json::array()}};
  if (const auto theirs = from_hex(request.header("flame-nonce")); theirs && !identity.token.empty()) {
    const std::string ours = random_bytes(32);
    out["nonce"] = hex(ours);
    out["proof"] = hex(hmac_sha256(identity.token, "flame-runner" + *theirs + ours));
  }
  return json::serialize(out);
}

}  // namespace

class LightLink : public std::enable_shared_from_this<LightLink> {
 public:
  LightLink(asio::ip::tcp::socket socket, std::shared_ptr<bool> asleep)
      : socket_(std::move(socket)), asleep_(std::move(asleep)) {}

  void open(const Request& request, const LightIdentity& identity) {
    send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        accept_of(request.header("sec-websocket-key")) + "\r\n\r\n" +
        message(binary, frame(hello, 0, hello_of(request, identity))));
    read();
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void send(std::string bytes) {
    if (*asleep_) return;
    auto kept = std::make_shared<std::string>(std::move(bytes));
    asio::async_write(socket_, asio::buffer(*kept),
                      [self = shared_from_this(), kept](error_code, std::size_t) {});
  }

  void read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](error_code failed, std::size_t size) {
                              if (failed) return;
                              self->in_.append(self->chunk_.data(), size);
                              while (self->take()) {
                              }
                              if (self->socket_.is_open() && self->in_.size() < kMessageMaxBytes)
                                self->read();
                            });
  }

  // One WebSocket frame of a client, which are all masked; false: not whole yet.
  bool take() {
    if (in_.size() < 2) return false;
    std::size_t length = static_cast<unsigned char>(in_[1]) & 0x7fU, at = 2;
    const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (in_.size() < at + wide + 4) return false;
    if (wide != 0) length = 0;
    for (; at < 2 + wide; ++at) length = length << 8 | static_cast<unsigned char>(in_[at]);
    if (length > kMessageMaxBytes) return close(), false;
    if (in_.size() - at - 4 < length) return false;
    std::string payload = in_.substr(at + 4, length);
    for (std::size_t i = 0; i < length; ++i) payload[i] = static_cast<char>(payload[i] ^ in_[at + i % 4]);
    const unsigned opcode = static_cast<unsigned char>(in_[0]) & 0x0fU;
    in_.erase(0, at + 4 + length);
    answer(opcode, payload);
    return socket_.is_open();
  }

  void answer(unsigned opcode, const std::string& payload) {
    if (opcode == ping) send(message(pong, payload));
    if (opcode == closing) send(message(closing, payload.substr(0, 2)));
    if (opcode == binary) refuse_calls(payload);
  }

  void refuse_calls(std::string_view frames) {
    while (frames.size() >= kFrameHeadBytes) {
      const std::uint64_t length = read_little_endian(frames.substr(0, 4));
      if (length > frames.size() - kFrameHeadBytes) break;
      if (static_cast<unsigned char>(frames[4]) == call)
        send(message(
            binary,
            frame(error, read_little_endian(frames.substr(8, 8)),
                  R"({"kind":"refused","fate":"never_begun","message":"a light machine runs nothing"})")));
      frames.remove_prefix(kFrameHeadBytes + length);
    }
  }

  asio::ip::tcp::socket socket_;
  std::shared_ptr<bool> asleep_;
  std::array<char, 4096> chunk_;
  std::string in_;
};

std::shared_ptr<LightLink> start_light_link(asio::ip::tcp::socket socket, const Request& request,
                                            const LightIdentity& identity, std::shared_ptr<bool> asleep) {
  auto link = std::make_shared<LightLink>(std::move(socket), std::move(asleep));
  link->open(request, identity);
  return link;
}

void cut_light_link(LightLink& link) { link.close(); }

}  // namespace flame::fly
