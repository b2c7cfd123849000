#include "http_server.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstddef>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

struct HttpServer::Handlers {
  Handler handle;
  Upgrade upgrade;
};

namespace {

constexpr std::uint64_t kBodyLimitBytes = 4 * 1024 * 1024;
constexpr std::uint32_t kHeaderLimitBytes = 64 * 1024;
constexpr std::chrono::seconds kRequestDeadline{20}, kReplyDeadline{20};

// One connection; one request at a time.
template <class Handlers>
class Session : public std::enable_shared_from_this<Session<Handlers>> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Handlers> handlers)
      : stream_(std::move(socket)), delay_(stream_.get_executor()), handlers_(std::move(handlers)) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kBodyLimitBytes);
    parser_->header_limit(kHeaderLimitBytes);
    stream_.expires_after(kRequestDeadline);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](error_code failed, std::size_t) {
                       if (!failed) return self->serve();
                       if (failed == http::error::body_limit)
                         return self->refuse(413, "request body too large");
                       if (failed == http::error::header_limit)
                         return self->refuse(431, "request header too large");
                       if (failed.category() == error_code(http::error::bad_method).category() &&
                           failed != http::error::end_of_stream && failed != http::error::partial_message)
                         return self->refuse(400, "malformed request");
                     });
  }

 private:
  void refuse(unsigned status, std::string_view text) {
    Reply reply;
    reply.status = status;
    reply.body = "{\"error\":\"" + std::string(text) + "\"}";
    keep_alive_ = false;
    answer(std::move(reply));
  }

  void serve() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    Request request;
    request.method = message.method_string();
    request.target = message.target();
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      request.headers.emplace(std::move(name), field.value());
    }
    request.body = std::move(message.body());
    split_target(request);
    stream_.expires_never();
    if (handlers_->upgrade && !request.header("upgrade").empty())
      return handlers_->upgrade(std::move(request), stream_.release_socket());
    handlers_->handle(std::move(request),
                      [self = this->shared_from_this()](Reply reply) { self->answer(std::move(reply)); });
  }

  void answer(Reply reply) {
    if (reply.delay_ms == 0) return send(reply);
    delay_.expires_after(std::chrono::milliseconds(reply.delay_ms));
    delay_.async_wait([self = this->shared_from_this(), reply = std::move(reply)](error_code failed) {
      if (!failed) self->send(reply);
    });
  }

  void send(const Reply& reply) {
    if (reply.delivery == Delivery::lost) return close();
    response_ = {};
    response_.result(reply.status);
    response_.version(version_);
    response_.keep_alive(keep_alive_);
    for (const auto& [name, value] : reply.headers) response_.set(name, value);
    if (!reply.body.empty()) response_.set(http::field::content_type, reply.content_type);
    response_.body() = reply.body;
    response_.prepare_payload();
    stream_.expires_after(kReplyDeadline);
    if (reply.delivery == Delivery::cut) return send_half();
    http::async_write(stream_, response_, [self = this->shared_from_this()](error_code failed, std::size_t) {
      if (failed || !self->keep_alive_) return self->close();
      self->read();
    });
  }

  void send_half() {
    half_ = "HTTP/1.1 " + std::to_string(response_.result_int()) +
            " OK\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(response_.body().size()) + "\r\n\r\n" +
            response_.body().substr(0, response_.body().size() / 2);
    asio::async_write(stream_, asio::buffer(half_),
                      [self = this->shared_from_this()](error_code, std::size_t) { self->close(); });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  asio::steady_timer delay_;
  std::shared_ptr<Handlers> handlers_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::string half_;
  bool keep_alive_ = true;
  unsigned version_ = 11;
};

}  // namespace

// A name for each port of ours, which lasts while we do. Throws boost::system::system_error where another has
// it.
UniqueFd claim_port(const tcp::endpoint& endpoint) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "flame-fly-emulator " + endpoint.address().to_string() + " " +
                           std::to_string(endpoint.port());  // behind a zero: in no file system
  text.copy(name.sun_path + 1, sizeof name.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0)
    throw boost::system::system_error(errno, boost::system::system_category());
  return fd;
}

struct HttpServer::Listener : std::enable_shared_from_this<Listener> {
  Listener(asio::io_context& loop, std::shared_ptr<Handlers> handlers_in)
      : acceptor(loop), pause(loop), handlers(std::move(handlers_in)) {}

  void open() {
    orderly([this] {
      bind();
      endpoint = acceptor.local_endpoint();
      if (!claim) claim = claim_port(endpoint);
      acceptor.listen(4096);
    });
    accept();
  }

  // Nobody listens, and the port stays ours: the kernel gives it to nobody who asks for any, and the claim
  // tells another of us, who asks for this one.
  void refuse(bool on) {
    if (on == refusing) return;
    refusing = on;
    close();
    on ? orderly([this] { bind(); }) : open();
  }

  void bind() {
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
  }

  template <class Work>
  void orderly(Work work) const {
    try {
      work();
    } catch (const boost::system::system_error& failed) {
      throw Error(ErrorKind::system, "cannot listen on " + endpoint.address().to_string() + ":" +
                                         std::to_string(endpoint.port()) + ": " + failed.code().message());
    }
  }

  void accept() {
    acceptor.async_accept([self = this->shared_from_this()](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || self->refusing || !self->acceptor.is_open()) return;
      if (failed) return self->accept_later();  // out of descriptors: a moment later some are free
      std::make_shared<Session<Handlers>>(std::move(socket), self->handlers)->read();
      self->accept();
    });
  }

  void accept_later() {
    pause.expires_after(std::chrono::milliseconds(50));
    pause.async_wait([self = this->shared_from_this()](error_code failed) {
      if (!failed) self->accept();
    });
  }

  void close() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
  }

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  tcp::endpoint endpoint;
  bool refusing = false;
  UniqueFd claim;
  std::shared_ptr<Handlers> handlers;
};

HttpServer::HttpServer(asio::io_context& loop, Handler handler)
    : loop_(loop), handlers_(std::make_shared<Handlers>(Handlers{std::move(handler), {}})) {}

void HttpServer::on_upgrade(Upgrade upgrade) { handlers_->upgrade = std::move(upgrade); }

HttpServer::~HttpServer() { close(); }

std::uint16_t HttpServer::listen(const std::string& address, std::uint16_t port) {
  auto listener = std::make_shared<Listener>(loop_, handlers_);
  error_code failed;
  listener->endpoint = tcp::endpoint(asio::ip::make_address(address, failed), port);
  if (failed) throw Error(ErrorKind::usage, "not an address: " + address);
  listener->open();
  listeners_.push_back(listener);
  return listener->endpoint.port();
}

void HttpServer::refuse(bool on) {
  for (auto& listener : listeners_) listener->refuse(on);
}

void HttpServer::close() {
  for (auto& listener : listeners_) listener->close();
}

}  // namespace flame::fly
