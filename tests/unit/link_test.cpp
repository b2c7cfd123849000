// The client's end of a link against a runner that lies, in this process.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "base/text.hpp"
#include "client/link/accept_key.hpp"
#include "client/link/link.hpp"
#include "wire/proof.hpp"

using namespace flame;

namespace {

constexpr const char* kToken = "0123456789abcdef-token";
std::string head_for(const std::string& request) {
  constexpr std::string_view name = "Sec-WebSocket-Key: ";
  const std::size_t from = request.find(name) + name.size();
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nsec-websocket-ACCEPT:  " +
         client::accept_key(request.substr(from, request.find("\r\n", from) - from)) +
         " \r\nConnection: Upgrade\r\n\r\n";
}

std::string message(unsigned opcode, const std::string& payload) {
  std::string out(1, static_cast<char>(0x80U | opcode));
  out += static_cast<char>(126);
  out += static_cast<char>(payload.size() >> 8);
  out += static_cast<char>(payload.size());
  if (payload.size() < 126) out = std::string{out[0], static_cast<char>(payload.size())};
  return out + payload;
}

std::string frame(wire::FrameType type, std::uint64_t call, const std::string& body) {
  std::string out;
  wire::append_frame(out, type, 0, call, body);
  return message(2, out);
}

std::string hello(const std::string& more) {
  return frame(wire::FrameType::hello, 0, "{\"protocol\":[1,1],\"window_bytes\":262144" + more + "}");
}

// Answers one connection: with what `answer` makes of the request, then with `after`; keeps what it was sent.
class LyingRunner {
 public:
  explicit LyingRunner(std::function<std::string(const std::string& request)> answer, std::string after = "")
      : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress at = *parse_socket_address("127.0.0.1:0");
    REQUIRE(::bind(listening_.get(), &at.any, at.size) == 0);
    REQUIRE(::listen(listening_.get(), 1) == 0);
    REQUIRE(::getsockname(listening_.get(), &at.any, &at.size) == 0);
    address.tcp = at.text();
    thread_ = std::thread([this, answer = std::move(answer), after = std::move(after)] {
      const UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      while (received.find("\r\n\r\n") == std::string::npos && read(fd)) {
      }
      const std::string request = std::exchange(received, "");
      write_all(fd.get(), answer(request) + after);
      ::shutdown(fd.get(), SHUT_WR);
      while (read(fd)) {
      }
    });
  }
  ~LyingRunner() { end(); }
  void end() {
    if (thread_.joinable()) thread_.join();
  }

  client::Address address;
  std::string received;  // after the upgrade; read it after end()

 private:
  bool read(const UniqueFd& fd) {
    char buffer[4096];
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n > 0) received.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }
  UniqueFd listening_;
  std::thread thread_;
};

std::string nonce_of(const std::string& request) {
  const std::size_t at = request.find("Flame-Nonce: ");
  return at == std::string::npos ? "" : request.substr(at + 13, 64);
}

std::string proven_hello(const std::string& request, const char* token) {
  const wire::Nonces nonces{*wire::read_nonce(nonce_of(request)), std::string(32, 'r')};
  return head_for(request) + hello(",\"nonce\":\"" + hex(nonces.runner) + "\",\"proof\":\"" +
                                   wire::runner_proof(token, nonces) + "\"");
}

Error error_of(const client::Address& address) {
  try {
    client::Link link(address, Deadline::in(std::chrono::seconds(20)));
    while (link.next(Deadline::in(std::chrono::seconds(20)))) {
    }
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  return Error(ErrorKind::internal, "");
}

}  // namespace

TEST_CASE("a runner that holds the token is answered with our proof, and the token is not sent") {
  std::string request;
  LyingRunner runner([&](const std::string& r) { return proven_hello(request = r, kToken); });
  runner.address.token = kToken;
  {
    client::Link link(runner.address, Deadline::in(std::chrono::seconds(20)));
    CHECK(link.window_bytes() == 262144);
  }
  runner.end();
  CHECK(request.find(kToken) == std::string::npos);
  REQUIRE(runner.received.size() > 6);
  std::string sent = runner.received.substr(runner.received.size() - 16 - 76);  // one masked message
  const std::string mask = runner.received.substr(runner.received.size() - 16 - 76 - 4, 4);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(sent[i] ^ mask[i % 4]);
  const wire::Nonces nonces{*wire::read_nonce(nonce_of(request)), std::string(32, 'r')};
  CHECK(sent.substr(16) == "{\"proof\":\"" + wire::client_proof(kToken, nonces) + "\"}");
}

TEST_CASE("a runner that holds another token, or none, is told nothing") {
  for (const bool proves : {true, false}) {
    LyingRunner runner([&](const std::string& request) {
      return proves ? proven_hello(request, "another token, as long") : head_for(request) + hello("");
    });
    runner.address.token = kToken;
    const Error error = error_of(runner.address);
    CHECK(error.kind == ErrorKind::refused);
    CHECK(error.fate == Fate::never_begun);
    runner.end();
    CHECK(runner.received == "");
  }
}

TEST_CASE("a proof that was made for another nonce is wrong") {
  LyingRunner runner([&](std::string request) {
    return proven_hello(request.replace(request.find(nonce_of(request)), 64, 64, '7'), kToken);
  });
  runner.address.token = kToken;
  CHECK(error_of(runner.address).kind == ErrorKind::refused);
}

TEST_CASE("how a link ends says what is known") {
  const auto ends_with = [](const std::string& after) {
    LyingRunner runner([](const std::string& request) { return head_for(request) + hello(""); }, after);
    const Error error = error_of(runner.address);
    return std::string(error_kind_name(error.kind)) + " " + std::string(fate_name(error.fate));
  };
  CHECK(ends_with("") == "lost unknown");
  CHECK(ends_with(message(8, "\x03\xe9")) == "draining never_begun");  // 1001
  CHECK(ends_with(message(8, "\x03\xf0")) == "refused never_begun");   // 1008
  CHECK(ends_with(message(8, "\x03\xe8")) == "lost unknown");          // 1000
  CHECK(ends_with(message(1, "text")).starts_with("protocol"));
  CHECK(ends_with(std::string("\x82\x7f\0\0\0\0\x40\0\0\0", 10)).starts_with("protocol"));  // 1 GiB
}

TEST_CASE("answers that are no link") {
  const auto answered = [](const char* text) {
    LyingRunner runner([=](const std::string&) { return std::string(text); });
    const Error error = error_of(runner.address);
    CHECK(error.fate == Fate::never_begun);
    return std::string(error_kind_name(error.kind));
  };
  CHECK(answered("") == "unreachable");
  CHECK(answered("HTTP/1.1 101 Swit") == "unreachable");
  CHECK(answered("HTTP/1.1 401 Unauthorized\r\n\r\n") == "refused");
  CHECK(answered("HTTP/1.1 503 Service Unavailable\r\n\r\n") == "unreachable");
  CHECK(answered("HTTP/1.1 200 OK\r\n\r\n") == "protocol");
  CHECK(answered("SSH-2.0-x\r\n\r\n") == "protocol");
  CHECK(answered("HTTP/1.1 101 Switching Protocols\r\n\r\n\x82\x02hi") ==
        "protocol");  // our key was not read
  CHECK(answered("HTTP/1.1 101 x\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n") ==
        "protocol");
  LyingRunner half([](const std::string& request) { return head_for(request) + "\x82\x02hi"; });
  CHECK(error_of(half.address).kind == ErrorKind::unreachable);  // half a frame, gone
}

TEST_CASE("accept keys: the example of RFC 6455, and every length of a block") {
  CHECK(client::accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(client::accept_key(std::string(19, 'a')) == "yzaGyu0mcUukN7CdsSwa30tnCpc=");
  CHECK(client::accept_key(std::string(20, 'a')) == "dUYRM7bOMwDmbriNIPr11x+r3E0=");
  CHECK(client::accept_key(std::string(28, 'a')) == "xMWmCBqYJY4uXzUs8PNU1t+Pzro=");
}

TEST_CASE("addresses") {
  CHECK(parse_socket_address("127.0.0.1:80")->text() == "127.0.0.1:80");
  CHECK(parse_socket_address("[::1]:65535")->text() == "[::1]:65535");
  for (const char* bad : {"", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:8a",
                          "::1:80", "[::1]", "[::1:80", "1.2.3.4.5:1", "127.0.0.1:-1"})
    CHECK_FALSE(parse_socket_address(bad).has_value());
  client::Address nowhere;
  nowhere.tcp = "localhost:80";
  CHECK_THROWS_AS(client::Link(nowhere, Deadline()), Error);
}

TEST_CASE("a runner whose queue of connections is full is waited for until the deadline, no longer") {
  char place[] = "/tmp/flame-link-XXXXXX";
  REQUIRE(::mkdtemp(place) != nullptr);
  const std::string path = std::string(place) + "/full";
  const sockaddr_un at = unix_address(path);
  const auto* address = reinterpret_cast<const sockaddr*>(&at);
  const UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listening.get(), address, sizeof at) == 0);
  REQUIRE(::listen(listening.get(), 0) == 0);
  std::vector<UniqueFd> waiting;
  do waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  while (::connect(waiting.back().get(), address, sizeof at) == 0);
  try {
    client::Link link({path, {}, {}, {}}, Deadline::in(milliseconds(50)));
    FAIL("connected");
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::timed_out);
    CHECK(error.fate == Fate::never_begun);
  }
  ::unlink(path.c_str());
  ::rmdir(place);
}
