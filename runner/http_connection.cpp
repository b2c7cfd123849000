#include "runner/http_connection.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "base/hash.hpp"
#include "runner/http.hpp"
#include "runner/link.hpp"
#include "runner/log.hpp"

namespace flame::runner {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kLingerMaxBytes = 1024 * 1024;
constexpr milliseconds kKeepAlive{60'000};

std::string text(beast::string_view view) { return {view.data(), view.size()}; }

class Connection;

// The answering end of one request; harmless once its connection is gone.
class OneExchange final : public Exchange {
 public:
  OneExchange(std::shared_ptr<Connection> connection, HttpRequest request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  const HttpRequest& request() const override { return request_; }
  HttpRequest& request() { return request_; }
  void answer(HttpResponse response) override;
  void on_gone(std::function<void()> told) override { gone_ = std::move(told); }
  void gone() {
    connection_.reset();
    if (auto told = std::exchange(gone_, nullptr)) told();
  }

 private:
  std::shared_ptr<Connection> connection_;  // until it was answered
  HttpRequest request_;
  std::function<void()> gone_;
};

class Connection final : public std::enable_shared_from_this<Connection>, private Patience::Waiter {
 public:
  Connection(Runner& runner, Peer peer) : Waiter(runner.patience), runner_(runner), peer_(std::move(peer)) {}
  ~Connection() { end_exchange(); }

  void read_head(milliseconds patience);
  void write(HttpResponse response);

 private:
  using Parser = http::request_parser<http::buffer_body>;

  void head_came(error_code failed);
  void route();
  void upgrade();
  void begin_body(const Route& route);
  void expect_continue();
  void read_body();
  void body_piece(error_code failed);
  void watch_for_hangup();
  void refuse(HttpResponse response);  // and closes: what the peer still sends is not looked at
  void written(error_code failed);
  void linger(std::size_t left);
  void close();
  void end_exchange();
  bool bearer_is_right() const;
  void impatient() override {
    const auto self = shared_from_this();
    close();
  }
  milliseconds patience() const { return milliseconds(runner_.options.http_timeout_ms); }

  Runner& runner_;
  Peer peer_;
  beast::flat_buffer buffer_{wire::kHttpHeaderMaxBytes + kChunkBytes};
  std::optional<Parser> parser_;
  std::shared_ptr<OneExchange> exchange_;
  const Route* route_ = nullptr;
  std::unique_ptr<BodySink> sink_;
  std::array<char, kChunkBytes> chunk_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  bool keep_alive_ = false, answering_ = false, counted_ = false;
};

void OneExchange::answer(HttpResponse response) {
  gone_ = nullptr;
  if (const auto connection = std::exchange(connection_, nullptr)) connection->write(std::move(response));
}

void Connection::read_head(milliseconds patience) {
  parser_.emplace();
  parser_->header_limit(wire::kHttpHeaderMaxBytes);
  parser_->body_limit(boost::none);  // until the route is known
  arm(patience);
  http::async_read_header(
      peer_.socket, buffer_, *parser_,
      [self = shared_from_this()](error_code failed, std::size_t) { self->head_came(failed); });
}

void Connection::head_came(error_code failed) {
  if (failed == http::error::header_limit)
    return refuse({431, "{\"status\":431,\"message\":\"the request's head is over the limit\"}\n",
                   "application/problem+json"});
  if (failed == http::error::end_of_stream ||
      failed.category() != http::make_error_code(http::error::bad_method).category()) {
    if (failed) return close();
  }
  if (failed) return refuse(problem(Error(ErrorKind::protocol, "not an HTTP request: " + failed.message())));
  ++runner_.counters.http_requests;
  ++runner_.exchanges;
  counted_ = true;
  runner_.lifetime.active();
  route();
}

void Connection::route() {
  const auto& head = parser_->get();
  keep_alive_ = head.keep_alive();
  const std::string target = text(head.target());
  const std::size_t question = target.find('?');
  HttpRequest request;
  request.method = text(head.method_string());
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  if (request.path == "/v1/link") return upgrade();
  const Found found = find_route(request);
  if (found.route == nullptr && found.allow.empty())
    return refuse({404,
                   R"({"status":404,"message":"no such resource; see PROTOCOL.md, plain HTTP"})"
                   "\n",
                   "application/problem+json"});
  if (found.route == nullptr)
    return refuse({405,
                   R"({"status":405,"message":"not with this method"})"
                   "\n",
                   "application/problem+json",
                   {{"Allow", found.allow}}});
  if (found.route->access == Route::Access::trusted && peer_.tcp && !bearer_is_right()) {
    ++runner_.counters.refused;
    return refuse(problem(
        Error(ErrorKind::refused, "the token is missing or wrong", "send it: Authorization: Bearer TOKEN")));
  }
  exchange_ = std::make_shared<OneExchange>(shared_from_this(), std::move(request));
  begin_body(*found.route);
}

bool Connection::bearer_is_right() const {
  const std::string given = text(parser_->get()[http::field::authorization]);
  constexpr std::string_view scheme = "Bearer ";
  return given.size() > scheme.size() && beast::iequals(given.substr(0, scheme.size()), scheme) &&
         equal_constant_time(std::string_view(given).substr(scheme.size()), runner_.token);
}

void Connection::upgrade() {
  const auto& head = parser_->get();
  if (head.method() != http::verb::get)
    return refuse({405,
                   R"({"status":405,"message":"not with this method"})"
                   "\n",
                   "application/problem+json",
                   {{"Allow", "GET"}}});
  if (!beast::websocket::is_upgrade(http::request_header<>(head)))
    return refuse({426,
                   R"({"status":426,"message":"a link is a WebSocket, version 13"})"
                   "\n",
                   "application/problem+json",
                   {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}});
  if (peer_.tcp && !wire::read_nonce(text(head["Flame-Nonce"])))
    return refuse(problem(Error(ErrorKind::refused, "this runner wants a token",
                                "send 64 hex digits as Flame-Nonce; see PROTOCOL.md, trust")));
  HttpFields fields;
  for (const auto& field : head) {
    std::string name = text(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    fields.emplace_back(std::move(name), text(field.value()));
  }
  if (buffer_.size() > 0)  // RFC 6455 §4.1: a client waits for the answer
    return refuse(problem(Error(ErrorKind::protocol, "bytes behind the upgrade request")));
  disarm();
  end_exchange();
  open_link(runner_, std::move(peer_), fields);
}

void Connection::begin_body(const Route& route) {
  route_ = &route;
  const auto length = parser_->content_length();
  if (length && *length > route.body_max_bytes)
    return exchange_->answer(
        problem(Error(ErrorKind::limit, "a body of " + std::to_string(*length) + " bytes; the limit is " +
                                            std::to_string(route.body_max_bytes))));
  parser_->body_limit(route.body_max_bytes);
  try {
    if (route.open_body != nullptr) sink_ = route.open_body(runner_, exchange_->request());
  } catch (const Error& error) {
    return exchange_->answer(problem(error));
  }
  if (beast::iequals(parser_->get()[http::field::expect], "100-continue") && !parser_->is_done())
    return expect_continue();
  read_body();
}

void Connection::expect_continue() {
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(peer_.socket, asio::buffer(go_on),
                    [self = shared_from_this()](error_code failed, std::size_t) {
                      if (failed) return self->close();
                      self->read_body();
                    });
}

// Each piece has its own deadline, so that a slow sender is borne and a stalled one is not.
void Connection::read_body() {
  if (parser_->is_done()) {
    disarm();
    watch_for_hangup();
    const auto exchange = exchange_;
    if (sink_) return sink_->finish(exchange);
    return route_->handle(runner_, exchange);
  }
  auto& body = parser_->get().body();
  body.data = chunk_.data();
  body.size = chunk_.size();
  arm(patience());
  http::async_read(peer_.socket, buffer_, *parser_,
                   [self = shared_from_this()](error_code failed, std::size_t) { self->body_piece(failed); });
}

void Connection::body_piece(error_code failed) {
  if (failed == http::error::need_buffer) failed = {};
  if (failed == http::error::body_limit)
    return exchange_->answer(
        problem(Error(ErrorKind::limit,
                      "the body is over the limit of " + std::to_string(route_->body_max_bytes) + " bytes")));
  if (failed.category() == http::make_error_code(http::error::bad_method).category() && failed &&
      failed != http::error::partial_message && failed != http::error::end_of_stream)
    return exchange_->answer(problem(Error(ErrorKind::protocol, "a broken body: " + failed.message())));
  if (failed) return close();
  const std::string_view piece(chunk_.data(), chunk_.size() - parser_->get().body().size);
  try {
    if (sink_)
      sink_->write(piece);
    else
      exchange_->request().body += piece;
  } catch (const Error& error) {
    return exchange_->answer(problem(error));
  }
  read_body();
}

// While a request is answered: a peer that hangs up gives its call up.
void Connection::watch_for_hangup() {
  peer_.socket.async_wait(Socket::wait_read, [weak = weak_from_this()](error_code failed) {
    const auto self = weak.lock();
    if (failed || !self || self->answering_ || !self->exchange_) return;
    char byte = 0;
    if (::recv(self->peer_.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
      return;  // its next request: looked at later
    self->close();
  });
}

void Connection::refuse(HttpResponse response) {
  keep_alive_ = false;
  write(std::move(response));
}

void Connection::write(HttpResponse response) {
  if (answering_ || !peer_.socket.is_open()) return;
  answering_ = true;
  error_code ignored;
  peer_.socket.cancel(ignored);                  // the watch for a hang-up
  if (!parser_->is_done()) keep_alive_ = false;  // the rest of its body is not read
  if (runner_.lifetime.state() == Lifetime::State::leaving) keep_alive_ = false;
  const bool head_only = parser_->get().method() == http::verb::head;
  response_ = {static_cast<http::status>(response.status), parser_->get().version() == 10 ? 10U : 11U};
  response_.set(http::field::content_type, response.type);
  for (const auto& [name, value] : response.fields) response_.insert(name, value);
  response_.body() = std::move(response.body);
  response_.keep_alive(keep_alive_);
  response_.prepare_payload();
  serializer_.emplace(response_);
  arm(patience() * 3);
  const auto done = [self = shared_from_this()](error_code failed, std::size_t) { self->written(failed); };
  if (head_only)
    http::async_write_header(peer_.socket, *serializer_, done);
  else
    http::async_write(peer_.socket, *serializer_, done);
}

void Connection::written(error_code failed) {
  end_exchange();
  if (failed) return close();
  answering_ = false;
  if (keep_alive_) return read_head(kKeepAlive);
  peer_.socket.shutdown(Socket::shutdown_send, failed);
  arm(milliseconds(1000));
  linger(kLingerMaxBytes);
}

// A close with unread bytes would reset the connection, and the answer with it.
void Connection::linger(std::size_t left) {
  peer_.socket.async_read_some(asio::buffer(chunk_),
                               [self = shared_from_this(), left](error_code failed, std::size_t size) {
                                 if (failed || size >= left) return self->close();
                                 self->linger(left - size);
                               });
}

void Connection::close() {
  disarm();
  error_code ignored;
  peer_.socket.close(ignored);
  if (const auto exchange = exchange_) exchange->gone();
  end_exchange();
}

void Connection::end_exchange() {
  exchange_.reset();
  sink_.reset();
  if (!std::exchange(counted_, false)) return;
  --runner_.exchanges;
  runner_.lifetime.active();
  runner_.lifetime.settle();
}

}  // namespace

void open_http(Runner& runner, Peer peer) {
  auto made = std::make_shared<Connection>(runner, std::move(peer));
  made->read_head(milliseconds(runner.options.http_timeout_ms));
}

}  // namespace flame::runner
