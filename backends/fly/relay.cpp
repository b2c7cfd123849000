#include "backends/fly/relay.hpp"

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>

#include "backends/fly/transport.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/process.hpp"
#include "base/socket_address.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr long kConnectTimeoutMs = 10'000;
constexpr int kLookEveryMs = 500;
constexpr int kListening = 3;

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

// One direction's bytes that have been read and are not yet written.
struct Piece {
  std::array<char, kPieceBytes> bytes;
  std::size_t from = 0, to = 0;
  bool empty() const { return from == to; }
};

// nullptr: the proxy cannot be reached, or it is not who it says.
Handle dial(const std::string& url) {
  Handle out(curl_easy_init(), &curl_easy_cleanup);
  if (!out) return out;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(out.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_CONNECT_ONLY, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  if (const std::string authorities = own_authorities(); !authorities.empty())
    set(CURLOPT_CAINFO, authorities.c_str());
  if (curl_easy_perform(out.get()) != CURLE_OK) out.reset();
  return out;
}

// False: that side has ended.
bool write_proxy(CURL* proxy, Piece& piece) {
  while (!piece.empty()) {
    std::size_t sent = 0;
    const CURLcode code =
        curl_easy_send(proxy, piece.bytes.data() + piece.from, piece.to - piece.from, &sent);
    if (code == CURLE_AGAIN) return true;
    if (code != CURLE_OK) return false;
    piece.from += sent;
  }
  return true;
}

bool read_proxy(CURL* proxy, Piece& piece) {
  if (!piece.empty()) return true;
  std::size_t got = 0;
  const CURLcode code = curl_easy_recv(proxy, piece.bytes.data(), piece.bytes.size(), &got);
  if (code == CURLE_AGAIN) return true;
  piece.from = 0;
  piece.to = got;
  return code == CURLE_OK && got > 0;
}

bool write_client(int client, Piece& piece) {
  while (!piece.empty()) {
    const ssize_t n =
        ::send(client, piece.bytes.data() + piece.from, piece.to - piece.from, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return true;
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) piece.from += static_cast<std::size_t>(n);
  }
  return true;
}

bool read_client(int client, Piece& piece) {
  if (!piece.empty()) return true;
  const ssize_t n = ::recv(client, piece.bytes.data(), piece.bytes.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  piece.from = 0;
  piece.to = static_cast<std::size_t>(n);
  return n > 0;
}

void pump(int client, CURL* proxy) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(proxy, CURLINFO_ACTIVESOCKET, &socket);
  auto up = std::make_unique<Piece>(), down = std::make_unique<Piece>();
  for (;;) {
    // TLS may hold bytes that the socket no longer shows: read before every wait.
    const bool proxy_open = read_proxy(proxy, *down);
    if (!write_client(client, *down)) return;
    if (!proxy_open && down->empty()) return;
    if (!read_client(client, *up) || !write_proxy(proxy, *up)) return;
    const auto events = [](bool reads, bool writes) {
      return static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
    };
    std::array<pollfd, 2> wait = {
        {{client, events(up->empty(), !down->empty()), 0}, {socket, events(down->empty(), !up->empty()), 0}}};
    ::poll(wait.data(), wait.size(), -1);
  }
}

// A connection that only asks whether somebody is there dials nobody.
void serve_one(const UniqueFd& client, const std::string& url) {
  char first;
  if (::recv(client.get(), &first, 1, MSG_PEEK) != 1) return;
  if (const Handle proxy = dial(url)) pump(client.get(), proxy.get());
}

bool is_ours(const std::string& path, const struct stat& own) {
  struct stat now {};
  return ::stat(path.c_str(), &now) == 0 && now.st_ino == own.st_ino && now.st_dev == own.st_dev;
}

UniqueFd unix_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("cannot make a socket", errno);
  return fd;
}

bool serves(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  const UniqueFd fd = unix_socket();
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

int run_relay(const std::string& url, const std::string& socket_path, std::int64_t idle_ms) {
  ::signal(SIGPIPE, SIG_IGN);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  struct stat own {};
  if (::stat(socket_path.c_str(), &own) != 0) return 1;
  static std::atomic<int> open{0};
  auto quiet_since = Clock::now();
  for (;;) {
    pollfd wait = {kListening, POLLIN, 0};
    const int ready = ::poll(&wait, 1, kLookEveryMs);
    if (ready > 0) {
      UniqueFd client(::accept4(kListening, nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      ++open;
      std::thread([url, client = std::move(client)]() mutable {
        serve_one(client, url);
        client.reset();
        --open;
      }).detach();
    }
    if (open > 0) quiet_since = Clock::now();
    const bool found = is_ours(socket_path, own);
    if (open == 0 && (!found || Clock::now() - quiet_since > milliseconds(idle_ms))) {
      if (found) ::unlink(socket_path.c_str());
      return 0;
    }
  }
}

std::string relay_socket(const std::string& runtime_dir, const std::string& url, std::uint64_t idle_ms) {
  std::string path =
      runtime_dir + "/fly-relay." + hex(sha256(url + "\n" + own_authorities())).substr(0, 16) + ".sock";
  if (serves(path)) return path;
  // Made under another name, so that whoever connects finds one that listens.
  const std::string made = path + "." + std::to_string(::getpid());
  ::unlink(made.c_str());
  const sockaddr_un address = unix_address(made);
  const UniqueFd listening = unix_socket();
  if (::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening.get(), 128) != 0 || ::rename(made.c_str(), path.c_str()) != 0)
    throw system_error("cannot listen at '" + path + "'", errno);
  SpawnPlan plan;
  plan.path = own_directory() + "/flame-backend-fly";
  plan.arguments = {"flame-backend-fly", "relay", url, path, std::to_string(idle_ms)};
  if (const std::string authorities = own_authorities(); !authorities.empty())
    plan.environment = {"SSL_CERT_FILE=" + authorities};
  plan.descriptors = {{listening.get(), kListening}};
  plan.new_session = true;
  (void)spawn(plan);
  return path;
}

}  // namespace flame::backend::fly
