#include "proxy_tunnel.hpp"

#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <sstream>

#include "lifecycle.hpp"
#include "times.hpp"
#include "websocket_boundary.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
namespace {

constexpr std::chrono::seconds kHeadDeadline{20}, kWakeDeadline{60};
constexpr std::chrono::milliseconds kRetry{20};

template <class Stream>
class Tunnel : public ProxyTunnel, public std::enable_shared_from_this<Tunnel<Stream>> {
 public:
  template <class... More>
  Tunnel(Proxy& proxy, tcp::socket socket, bool tls, More&... more)
      : proxy_(proxy),
        client_(std::move(socket), more...),
        machine_socket_(proxy.world.loop),
        timer_(proxy.world.loop),
        tls_(tls) {
    proxy_.tunnels.insert(this);
  }
  ~Tunnel() override {
    proxy_.tunnels.erase(this);
    if (counted_) proxy_.closed(choice_.machine->id);
  }
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  void start() {
    expect_within(kHeadDeadline);
    if constexpr (std::is_same_v<Stream, tcp::socket>)
      read_head();
    else
      client_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code failed) {
                                failed ? self->close() : self->read_head();
                              });
  }

  // The proxy tells WebSocket clients before their machine goes.
  void goodbye(const std::string& machine) override {
    if (!choice_.machine || choice_.machine->id != machine || !websocket_) return;
    leaving_ = true;
    if (boundary_.between_frames() && !writing_down_) say_goodbye();
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    timer_.cancel();
    error_code ignored;
    machine_socket_.close(ignored);
    beast::get_lowest_layer(client_).shutdown(tcp::socket::shutdown_both, ignored);
    beast::get_lowest_layer(client_).close(ignored);
  }

 private:
  using Self = std::shared_ptr<Tunnel>;

  void expect_within(std::chrono::milliseconds span) {
    timer_.expires_after(span);
    timer_.async_wait([weak = this->weak_from_this()](error_code failed) {
      const auto self = weak.lock();
      if (!failed && self) self->close();
    });
  }

  void read_head() {
    parser_.header_limit(64 * 1024);
    parser_.body_limit(boost::none);
    http::async_read_header(client_, buffer_, parser_,
                            [self = this->shared_from_this()](error_code failed, std::size_t) {
                              failed ? self->close() : self->route();
                            });
  }

  void route() {
    const auto& message = parser_.get();
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      request_.headers.emplace(std::move(name), field.value());
    }
    choice_ = choose_machine(proxy_.world, request_, tls_ ? 443 : 80, proxy_.loads);
    if (!choice_.machine) return refuse(choice_.status, choice_.why);
    proxy_.opened(choice_.machine->id);
    counted_ = true;
    expect_within(kWakeDeadline);
    wake();
  }

  void wake() {
    if (closed_) return;
    Machine& machine = *choice_.machine;
    if (machine.state() == State::started) return connect();
    if (!machine.live()) return refuse(503, "instance has gone");
    const bool asleep = machine.state() == State::stopped || machine.state() == State::suspended ||
                        machine.state() == State::suspending ||
                        (machine.state() == State::created && !machine.launching);
    if (asleep && choice_.service.autostart) {
      try {
        start_machine(proxy_.world, machine);
      } catch (const ApiError&) {  // just stopped, or no room: a moment later
        return later([](Tunnel& self) { self.wake(); });
      }
      if (machine.state() == State::started) return connect();
    }
    // The deadline keeps the tunnel; the watcher must not, for the tunnel keeps the machine.
    timer_.async_wait([self = this->shared_from_this()](error_code) {});
    machine.watch([weak = this->weak_from_this(), before = machine.state()] {
      const auto self = weak.lock();
      if (self == nullptr || self->closed_) return true;
      if (self->choice_.machine->state() == before) return false;
      // Not from inside the machine's own change of state.
      self->later([](Tunnel& tunnel) { tunnel.wake(); });
      return true;
    });
  }

  template <class Next>
  void later(Next next) {
    retry_.emplace(proxy_.world.loop, kRetry);
    retry_->async_wait([self = this->shared_from_this(), next](error_code failed) {
      if (!failed && !self->closed_) next(*self);
    });
  }

  void connect() {
    error_code bad;
    const tcp::endpoint there(asio::ip::make_address(choice_.machine->address, bad),
                              choice_.service.internal_port);
    machine_socket_.async_connect(there, [self = this->shared_from_this()](error_code failed) {
      if (self->closed_) return;
      if (!failed) return self->forward();
      // Started is not yet listening.
      error_code ignored;
      self->machine_socket_.close(ignored);
      if (self->choice_.machine->state() != State::started) return self->wake();
      self->later([](Tunnel& tunnel) { tunnel.connect(); });
    });
  }

  // The head with the proxy's fields; whatever follows passes as it is. One request a connection, but for
  // upgrades.
  void forward() {
    auto message = parser_.get();
    upgrade_ = beast::websocket::is_upgrade(message);
    if (!upgrade_) message.set(http::field::connection, "close");
    message.set("Fly-Client-IP", "127.0.0.1");
    message.set("Fly-Forwarded-Port", tls_ ? "443" : "80");
    message.set("Fly-Region", proxy_.world.options.region);
    message.set("X-Forwarded-For", "127.0.0.1");
    message.set("X-Forwarded-Proto", tls_ ? "https" : "http");
    message.set("X-Forwarded-Port", tls_ ? "443" : "80");
    message.set("Via", "1.1 fly.io");
    message.set("Fly-Request-Id", proxy_.world.random.ulid(unix_ms()) + "-" + proxy_.world.options.region);
    if (!choice_.unavailable.empty()) message.set("fly-preferred-instance-unavailable", choice_.unavailable);
    std::ostringstream head;
    head << message.base();
    up_ = head.str() + beast::buffers_to_string(buffer_.data());
    idle();
    asio::async_write(machine_socket_, asio::buffer(up_),
                      [self = this->shared_from_this()](error_code failed, std::size_t) {
                        if (failed) return self->close();
                        self->pump_up();
                        self->pump_down();
                      });
  }

  void idle() {
    const std::int64_t own = choice_.service.idle_timeout_ms;
    expect_within(std::chrono::milliseconds(own != 0 ? own : proxy_.world.settings.idle_timeout_ms));
  }

  void pump_up() {
    client_.async_read_some(asio::buffer(up_chunk_),
                            [self = this->shared_from_this()](error_code failed, std::size_t size) {
                              if (self->closed_) return;
                              if (failed) {  // a half close may still await its reply
                                error_code ignored;
                                self->machine_socket_.shutdown(tcp::socket::shutdown_send, ignored);
                                if (failed != asio::error::eof) self->close();
                                return;
                              }
                              self->idle();
                              asio::async_write(self->machine_socket_, asio::buffer(self->up_chunk_, size),
                                                [self](error_code bad, std::size_t) {
                                                  if (!bad) self->pump_up();  // else the way down tells
                                                });
                            });
  }

  void pump_down() {
    machine_socket_.async_read_some(
        asio::buffer(down_chunk_), [self = this->shared_from_this()](error_code failed, std::size_t size) {
          if (self->closed_) return;
          if (failed) return self->machine_ended();
          self->idle();
          self->answered_ = true;
          self->look_at({self->down_chunk_.data(), size});
          self->writing_down_ = true;
          asio::async_write(self->client_, asio::buffer(self->down_chunk_, size),
                            [self](error_code bad, std::size_t) {
                              self->writing_down_ = false;
                              if (bad) return self->close();
                              if (self->leaving_ && self->boundary_.between_frames())
                                return self->say_goodbye();
                              self->pump_down();
                            });
        });
  }

  // Follows the reply's head until it is known whether frames come.
  void look_at(std::string_view bytes) {
    if (websocket_) return boundary_.pass(bytes);
    if (!upgrade_ || head_done_) return;
    head_ += bytes;
    const auto end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    head_done_ = true;
    websocket_ = head_.starts_with("HTTP/1.1 101");
    if (websocket_) boundary_.pass(std::string_view(head_).substr(end + 4));
  }

  void machine_ended() {
    if (!answered_) return refuse(502, "the instance closed the connection");
    close();
  }

  void say_goodbye() {
    writing_down_ = true;
    asio::async_write(client_, asio::buffer(kGoingAway),
                      [self = this->shared_from_this()](error_code, std::size_t) { self->close(); });
  }

  void refuse(unsigned status, const std::string& why) {
    up_ = "HTTP/1.1 " + std::to_string(status) + " " +
          std::string(http::obsolete_reason(static_cast<http::status>(status))) +
          "\r\nserver: Fly\r\ncontent-length: " + std::to_string(why.size() + 1) +
          "\r\nconnection: close\r\n\r\n" + why + "\n";
    asio::async_write(client_, asio::buffer(up_),
                      [self = this->shared_from_this()](error_code, std::size_t) { self->close(); });
  }

  Proxy& proxy_;
  Stream client_;
  tcp::socket machine_socket_;
  asio::steady_timer timer_;
  std::optional<asio::steady_timer> retry_;
  beast::flat_buffer buffer_;
  http::request_parser<http::empty_body> parser_;
  Request request_;
  Choice choice_;
  WebSocketBoundary boundary_;
  std::string up_, head_;
  std::array<char, 16 * 1024> up_chunk_, down_chunk_;
  bool tls_, counted_ = false, closed_ = false, upgrade_ = false, websocket_ = false, head_done_ = false,
             leaving_ = false, answered_ = false, writing_down_ = false;
};

}  // namespace

void start_tunnel(Proxy& proxy, tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr)
    std::make_shared<Tunnel<tcp::socket>>(proxy, std::move(socket), false)->start();
  else
    std::make_shared<Tunnel<asio::ssl::stream<tcp::socket>>>(proxy, std::move(socket), true, *tls)->start();
}

}  // namespace flame::fly
