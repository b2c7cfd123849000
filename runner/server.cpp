#include "runner/server.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/text.hpp"
#include "flame/plugin.h"
#include "runner/scheduler.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::runner {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using boost::system::error_code;
using Socket = asio::local::stream_protocol::socket;
using wire::Frame;
using wire::FrameType;

namespace {

class Server;

// One client.
class Link final : public std::enable_shared_from_this<Link>, public CallSink {
 public:
  Link(Server& server, Socket socket, std::uint64_t id)
      : server_(server), stream_(std::move(socket)), id_(id) {}
  ~Link() {
    for (const auto& [id, made] : calls_) made->sink = nullptr;
  }
  void start();
  bool frame(Call& call, const Frame& frame) override;
  void answer(http::response<http::string_body> response);
  void send(FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body);

 private:
  static constexpr std::size_t kHighWaterBytes = 256 * 1024;

  void route(http::request<http::string_body> request);
  void run_by_post(const std::string& body);
  void accepted();
  void read();
  void write();
  void take(const Frame& frame);
  void bind(std::string_view body);
  void call(const Frame& frame);
  void closed();
  void send_error(std::uint64_t call, const Error& error) {
    send(FrameType::error, 0, call, worker::error_json(error));
  }

  Server& server_;
  beast::websocket::stream<Socket> stream_;
  std::uint64_t id_;
  beast::flat_buffer buffer_;
  std::string outgoing_, sending_;
  std::map<std::uint32_t, std::shared_ptr<Bind>> binds_;
  std::map<std::uint64_t, CallPtr> calls_;
  bool open_ = false;
};

class Server {
 public:
  explicit Server(const Options& options)
      : options_(options),
        acceptor_(loop_),
        signals_(loop_, SIGTERM, SIGINT),
        idle_(loop_),
        lifetime_(loop_),
        scheduler_(loop_, options_) {}

  void run() {
    set_nonblocking(options_.socket_fd);
    acceptor_.assign(asio::local::stream_protocol(), options_.socket_fd);
    signals_.async_wait([this](error_code failed, int) {
      if (!failed) drain();
    });
    scheduler_.on_idle([this] { became_idle(); });
    if (options_.max_lifetime_ms > 0) {
      lifetime_.expires_after(milliseconds(options_.max_lifetime_ms));
      lifetime_.async_wait([this](error_code failed) {
        if (!failed) drain();
      });
    }
    became_idle();
    accept();
    loop_.run();
  }

  std::string hello() const {
    std::string out = "{\"protocol\":[1,1],\"abi\":" + std::to_string(FLAME_ABI) +
                      ",\"version\":\"" FLAME_VERSION "\",\"build\":";
    worker::append_json_string(out, options_.build);
    worker::append_json_string(out += ",\"runner\":", options_.name);
    worker::append_json_string(out += ",\"generation\":", options_.generation);
    return out + ",\"slots\":" + std::to_string(options_.slots) +
           ",\"busy\":" + std::to_string(scheduler_.busy()) +
           ",\"queued\":" + std::to_string(scheduler_.queued()) + ",\"pid\":" + std::to_string(::getpid()) +
           ",\"credit\":" + std::to_string(wire::kCredit) +
           ",\"window_bytes\":" + std::to_string(wire::kWindowBytes) +
           ",\"draining\":" + (draining_ ? "true" : "false") + ",\"capabilities\":[]}";
  }

  bool draining() const { return draining_; }
  void drain() {
    if (draining_) return;
    draining_ = true;
    for (Link* link : links_) link->send(FrameType::draining, 0, 0, {});
    if (scheduler_.idle()) leave();
  }

  asio::io_context& loop() { return loop_; }
  Scheduler& scheduler() { return scheduler_; }
  std::uint64_t next_bind() { return ++binds_; }
  std::set<Link*>& links() { return links_; }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, Socket socket) {
      if (failed) return;
      serve_socket(std::move(socket));
      accept();
    });
  }

  void serve_socket(Socket socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (!known || (peer.uid != ::geteuid() && peer.uid != 0)) return;
    idle_.cancel();  // somebody is here; the timer starts again with the next idle moment
    std::make_shared<Link>(*this, std::move(socket), ++link_count_)->start();
    became_idle();
  }

  void became_idle() {
    if (draining_) return leave();
    if (options_.idle_timeout_ms == 0) return;
    idle_.expires_after(milliseconds(options_.idle_timeout_ms));
    idle_.async_wait([this](error_code failed) {
      if (!failed && scheduler_.idle()) leave_if_alone();
    });
  }

  // Gone from the file system first, while the lock is ours; whoever connected before that is still served.
  void leave_if_alone() {
    if (!options_.socket_path.empty()) ::unlink(options_.socket_path.c_str());
    bool served = false;
    for (;;) {
      error_code failed;
      Socket socket(loop_);
      acceptor_.non_blocking(true, failed);
      acceptor_.accept(socket, failed);
      if (failed) break;
      served = true;
      std::make_shared<Link>(*this, std::move(socket), ++link_count_)->start();
    }
    if (!served && links_.empty()) return leave();
    // Nobody new can come: finish those who are here, then go.
    draining_when_idle_ = true;
    idle_.expires_after(milliseconds(options_.idle_timeout_ms));
    idle_.async_wait([this](error_code failed) {
      if (!failed && scheduler_.idle()) leave();
    });
  }

  void leave() {
    if (left_) return;
    left_ = true;
    if (!options_.socket_path.empty() && !draining_when_idle_) ::unlink(options_.socket_path.c_str());
    scheduler_.end_workers();
    error_code ignored;
    acceptor_.close(ignored);
    // What is still to be written goes out first; workers end by themselves when we do.
    lifetime_.expires_after(milliseconds(20));
    lifetime_.async_wait([this](error_code) { loop_.stop(); });
  }

  Options options_;
  asio::io_context loop_{1};
  asio::local::stream_protocol::acceptor acceptor_;
  asio::signal_set signals_;
  asio::steady_timer idle_, lifetime_;
  Scheduler scheduler_;
  std::set<Link*> links_;
  std::uint64_t binds_ = 0, link_count_ = 0;
  bool draining_ = false, draining_when_idle_ = false, left_ = false;
};

void Link::start() {
  auto request = std::make_shared<http::request_parser<http::string_body>>();
  request->body_limit(wire::kMessageMaxBytes);
  http::async_read(stream_.next_layer(), buffer_, *request,
                   [self = shared_from_this(), request](error_code failed, std::size_t) {
                     if (!failed) self->route(request->release());
                   });
}

void Link::route(http::request<http::string_body> request) {
  if (request.target() == "/v1/link" && beast::websocket::is_upgrade(request)) {
    stream_.auto_fragment(false);
    stream_.write_buffer_bytes(64 * 1024);
    stream_.read_message_max(wire::kMessageMaxBytes);
    stream_.binary(true);
    auto kept = std::make_shared<http::request<http::string_body>>(std::move(request));
    stream_.async_accept(*kept, [self = shared_from_this(), kept](error_code failed) {
      if (!failed) self->accepted();
    });
    return;
  }
  http::response<http::string_body> response{http::status::not_found, 11};
  response.set(http::field::content_type, "application/json");
  if (request.target() == "/v1/run" && request.method() == http::verb::post)
    return run_by_post(request.body());
  if (request.target() == "/healthz") {
    response.result(server_.draining() ? http::status::service_unavailable : http::status::ok);
    response.body() = "ok\n";
  } else if (request.target() == "/v1/info") {
    response.result(http::status::ok);
    response.body() = server_.hello();
  } else if (request.target() == "/v1/drain" && request.method() == http::verb::post) {
    response.result(http::status::accepted);
    asio::post(server_.loop(), [&server = server_] { server.drain(); });
  } else {
    response.set(http::field::content_type, "application/problem+json");
    response.body() = R"({"kind":"usage","message":"no such resource"})";
  }
  answer(std::move(response));
}

void Link::answer(http::response<http::string_body> response) {
  auto kept = std::make_shared<http::response<http::string_body>>(std::move(response));
  kept->keep_alive(false);
  kept->prepare_payload();
  http::async_write(stream_.next_layer(), *kept, [self = shared_from_this(), kept](error_code, std::size_t) {
    error_code ignored;
    self->stream_.next_layer().shutdown(Socket::shutdown_both, ignored);
  });
}

http::status status_of(std::string_view kind) {
  if (kind == "bad_arguments" || kind == "usage") return http::status::bad_request;
  if (kind == "plugin_missing" || kind == "unknown_function") return http::status::not_found;
  if (kind == "plugin_unloadable" || kind == "abi_mismatch") return http::status::conflict;
  if (kind == "timed_out") return http::status::gateway_timeout;
  if (kind == "busy" || kind == "draining") return http::status::service_unavailable;
  return http::status::internal_server_error;
}

// Gathers the one answer of a POST; keeps the connection until it is written.
class PostedCall final : public CallSink {
 public:
  explicit PostedCall(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  bool frame(Call&, const Frame& frame) override {
    if (frame.type != FrameType::result && frame.type != FrameType::error) return true;
    text_ += frame.body;
    if (ends_call(frame)) link_->answer(response(frame));
    return true;
  }

 private:
  http::response<http::string_body> response(const Frame& last) const {
    http::response<http::string_body> out{http::status::ok, 11};
    out.set(http::field::content_type, "application/json");
    if (last.type == FrameType::error) {
      out.set(http::field::content_type, "application/problem+json");
      out.result(status_of(json::value_to<std::string>(json::parse(text_).at("kind"))));
      out.body() = text_;
    } else if (last.has(wire::flag::bytes)) {
      out.body() = "{\"result\":\"" + base64(text_) + "\",\"encoding\":\"base64\"}";
    } else {
      out.body() = "{\"result\":" + (last.has(wire::flag::none) ? "null" : text_) + "}";
    }
    return out;
  }

  std::shared_ptr<Link> link_;
  std::string text_;
};

void Link::run_by_post(const std::string& body) {
  const auto problem = [this](const Error& error) {
    http::response<http::string_body> response{status_of(error_kind_name(error.kind)), 11};
    response.set(http::field::content_type, "application/problem+json");
    response.body() = worker::error_json(error);
    answer(std::move(response));
  };
  try {
    const json::value request = json::parse(body);
    auto made = std::make_shared<Bind>();
    made->id = server_.next_bind();
    made->path = json::value_to<std::string>(request.at("path"));
    made->function = json::value_to<std::string>(request.at("function"));
    if (const auto* hash = request.as_object().if_contains("sha256"))
      made->sha256 = json::value_to<std::string>(*hash);
    made->environment_json = "{}";
    auto posted = std::make_shared<Call>();
    posted->bind = made;
    posted->head = {0, 1, kUnlimitedMs};
    if (const auto* timeout = request.as_object().if_contains("timeout_ms"))
      posted->deadline = Deadline::from_remaining_ms(timeout->to_number<std::uint64_t>());
    std::string frame;
    wire::append_call_head(frame, posted->head);
    const auto* args = request.as_object().if_contains("args");
    wire::append_argument(frame, wire::ArgumentKind::json_array,
                          args != nullptr ? json::serialize(*args) : "[]");
    wire::append_pieces(posted->waiting, FrameType::call, 0, 0, frame);
    posted->own_sink = std::make_shared<PostedCall>(shared_from_this());
    posted->sink = posted->own_sink.get();
    if (server_.draining()) return problem(Error(ErrorKind::draining, "the runner takes no more calls"));
    if (!server_.scheduler().submit(posted))
      problem(Error(ErrorKind::busy, "every slot and the queue are taken"));
  } catch (const std::exception& error) {
    problem(Error(ErrorKind::bad_arguments, std::string("the request body: ") + error.what(),
                  R"(send {"path":"/x.so","function":"f","args":[…]})"));
  }
}

void Link::accepted() {
  open_ = true;
  server_.links().insert(this);
  send(FrameType::hello, 0, 0, server_.hello());
  read();
}

void Link::read() {
  stream_.async_read(buffer_, [self = shared_from_this()](error_code failed, std::size_t) {
    if (failed) return self->closed();
    try {
      wire::FrameReader reader;
      const auto data = self->buffer_.data();
      reader.feed({static_cast<const char*>(data.data()), data.size()});
      self->buffer_.consume(self->buffer_.size());
      while (const auto frame = reader.next()) self->take(*frame);
      if (!reader.between_frames() || !self->stream_.got_binary())
        throw Error(ErrorKind::protocol, "half a frame in a message");
    } catch (const std::exception& error) {
      self->send_error(0, Error(ErrorKind::protocol, error.what()));
      return self->closed();
    }
    self->read();
  });
}

void Link::take(const Frame& frame) {
  const auto known = calls_.find(frame.call);
  switch (frame.type) {
    case FrameType::auth:
      return;
    case FrameType::bind:
      return bind(frame.body);
    case FrameType::call:
      if (known == calls_.end()) return call(frame);
      [[fallthrough]];
    case FrameType::input:
    case FrameType::end_input:
      if (known != calls_.end()) server_.scheduler().feed(known->second, frame);
      return;
    case FrameType::cancel:
      if (known != calls_.end()) server_.scheduler().cancel(CallPtr(known->second));
      return;
    default:
      if (frame.has(wire::flag::critical))
        send_error(frame.call, Error(ErrorKind::protocol, "a frame of an unknown type"));
  }
}

void Link::bind(std::string_view body) {
  const json::value request = json::parse(json::string_view(body.data(), body.size()));
  const auto& object = request.as_object();
  const auto number = object.at("bind").to_number<std::uint32_t>();
  if (number >= wire::kBindMaxCount) throw Error(ErrorKind::limit, "a bind over the limit");
  auto made = std::make_shared<Bind>();
  made->id = server_.next_bind();
  made->function = json::value_to<std::string>(object.at("function"));
  if (const auto* value = object.if_contains("path")) made->path = json::value_to<std::string>(*value);
  if (const auto* value = object.if_contains("sha256")) made->sha256 = json::value_to<std::string>(*value);
  if (const auto* value = object.if_contains("fresh")) made->fresh = value->as_bool();
  if (const auto* value = object.if_contains("phases")) made->phases = value->as_bool();
  const auto* environment = object.if_contains("env");
  made->environment_json = environment != nullptr ? json::serialize(*environment) : "{}";
  binds_[number] = std::move(made);
}

void Link::call(const Frame& frame) {
  const auto head = wire::read_call_head(frame.body);
  if (!head || frame.call == 0) throw Error(ErrorKind::protocol, "a call without its head");
  const auto bound = binds_.find(head->bind);
  if (bound == binds_.end()) throw Error(ErrorKind::protocol, "a call of an unknown bind");
  if (server_.draining())
    return send_error(frame.call, Error(ErrorKind::draining, "the runner takes no more calls"));
  if (calls_.size() >= wire::kCredit) throw Error(ErrorKind::protocol, "more calls than the credit");
  auto made = std::make_shared<Call>();
  made->bind = bound->second;
  made->head = *head;
  made->deadline = Deadline::from_remaining_ms(head->remaining_ms);
  wire::append_frame(made->waiting, frame.type, frame.flags, frame.call, frame.body);
  calls_[frame.call] = made;
  made->id = frame.call;
  made->sink = this;
  if (!server_.scheduler().submit(made)) {
    calls_.erase(frame.call);
    send(FrameType::busy, 0, frame.call, R"({"retry_after_ms":50})");
  }
}

bool Link::frame(Call& made, const Frame& frame) {
  if (frame.type != FrameType::bound) send(frame.type, frame.flags, made.id, frame.body);
  if (ends_call(frame)) calls_.erase(made.id);
  return outgoing_.size() <= kHighWaterBytes;
}

void Link::send(FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body) {
  wire::append_frame(outgoing_, type, flags, call, body);
  write();
}

void Link::write() {
  if (!sending_.empty() || outgoing_.empty() || !open_) return;
  sending_.swap(outgoing_);
  stream_.async_write(asio::buffer(sending_), [self = shared_from_this()](error_code failed, std::size_t) {
    self->sending_.clear();
    if (failed) return self->closed();
    if (self->outgoing_.size() <= kHighWaterBytes) self->server_.scheduler().resume(*self);
    self->write();
  });
}

void Link::closed() {
  if (!open_) return;
  open_ = false;
  server_.links().erase(this);
  server_.scheduler().resume(*this);
  const auto calls = std::move(calls_);
  calls_.clear();
  for (const auto& [id, made] : calls) {
    made->sink = nullptr;
    server_.scheduler().cancel(made);
  }
  if (sending_.empty()) {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }
}

}  // namespace

void serve(const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  Server(options).run();
}

}  // namespace flame::runner
