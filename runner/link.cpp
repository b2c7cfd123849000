#include "runner/link.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "runner/corked_socket.hpp"
#include "runner/greeting.hpp"
#include "runner/log.hpp"
#include "runner/session.hpp"
#include "runner/worker/channel.hpp"

namespace flame::runner {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

namespace {

constexpr int kSilentPingsMax = 3;
constexpr milliseconds kHandshakeTimeout{10'000};
constexpr std::size_t kReadBufferKeptBytes = 256 * 1024;

std::string field(const HttpFields& fields, std::string_view name) {
  for (const auto& [known, value] : fields)
    if (known == name) return value;
  return "";
}

class Link final : public std::enable_shared_from_this<Link>, public OpenLink, public Session::Carrier {
 public:
  Link(Runner& runner, Peer peer, Greeting greeting)
      : runner_(runner),
        tcp_(peer.tcp),
        name_(std::move(peer.name)),
        counted_(std::move(peer.counted)),
        ws_(CorkedSocket(std::move(peer.socket))),
        greeting_(std::move(greeting)),
        trusted_(!greeting_.wants_auth()),
        timer_(runner.loop) {}
  ~Link() {
    runner_.links.erase(this);
    runner_.arrivals.spoke(this);
    if (session_) session_->detach();
  }

  void open(const HttpFields& fields);

  void tell_draining() override;
  void leave() override { finish(websocket::close_code::going_away, "the runner leaves"); }
  void wake() override;
  void taken_over() override;

 private:
  enum class State { opening, open, finishing, closing, closed };

  void opened();
  void say(wire::FrameType type, std::string_view body);
  void read();
  void take_message();
  void write_soon();
  void take(std::string_view message);
  void begin_session(const Greeting::Auth& auth);
  void take_up(std::uint64_t received);
  void refuse(const Error& error);
  void write();
  void finish(websocket::close_code code, const char* why);
  void close();
  void tick();
  void ended(std::string_view why);
  void leave_session(std::string_view why);
  void closed();

  Runner& runner_;
  const bool tcp_;
  const std::string name_;
  std::shared_ptr<void> counted_;
  websocket::stream<CorkedSocket, false> ws_;  // false: no deflate
  const Greeting greeting_;
  bool trusted_;
  std::shared_ptr<Session> session_;  // of a trusted client, until the link has ended
  std::string own_;                   // frames of the link, not of its session; they go first
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_;
  std::string sending_;
  asio::steady_timer timer_;
  State state_ = State::opening;
  bool owes_draining_ = false;  // it began after our hello, and before the session
  bool given_up_ = false;       // by the peer: it closed the link, or broke RFC 6455
  websocket::close_reason reason_;
  bool taking_ = false;
  int silent_ticks_ = 0;
  bool owes_reading_ = false;  // it was sent something since it was heard last: it may be busy with it
};

void Link::open(const HttpFields& fields) {
  request_ = {http::verb::get, "/v1/link", 11};
  for (const auto& [name, value] : fields) request_.insert(name, value);
  ws_.auto_fragment(false);
  ws_.write_buffer_bytes(64 * 1024);
  ws_.read_message_max(trusted_ ? wire::kMessageMaxBytes : wire::kAuthMessageMaxBytes);
  ws_.binary(true);
  // Nothing is waited for but what timer_ looks after: what the handshake writes fits into any socket.
  ws_.set_option(
      websocket::stream_base::timeout{websocket::stream_base::none(), websocket::stream_base::none(), false});
  ws_.control_callback([this](websocket::frame_type type, beast::string_view) {
    silent_ticks_ = 0;
    if (type == websocket::frame_type::close) given_up_ = true;
  });
  runner_.links.insert(this);
  ws_.next_layer().cork();
  ws_.async_accept(request_, [self = shared_from_this()](error_code failed) {
    if (failed) return self->ended(failed.message());
    self->opened();
  });
}

void Link::opened() {
  state_ = State::open;
  ws_.next_layer().uncork();
  ++runner_.counters.links;
  log(LogLevel::debug, "link_open", {{"peer", name_}});
  say(wire::FrameType::hello, greeting_.hello());
  runner_.arrivals.told_hello(this);
  if (trusted_) begin_session({});
  if (runner_.lifetime.state() == Lifetime::State::leaving) leave();
  tick();
  read();
}

void Link::say(wire::FrameType type, std::string_view body) {
  wire::append_frame(own_, type, 0, 0, body);
  write();
}

void Link::tell_draining() {
  if (session_)
    session_->send(wire::FrameType::draining, 0, 0, {});
  else
    owes_draining_ = true;
}

void Link::read() {
  ws_.async_read(buffer_, [self = shared_from_this()](error_code failed, std::size_t) {
    if (failed) {
      if (failed.category() == make_error_code(websocket::error::closed).category()) self->given_up_ = true;
      return self->ended(failed.message());
    }
    self->silent_ticks_ = 0;
    self->owes_reading_ = false;
    if (self->state_ == State::open) self->take_message();
    self->buffer_.consume(self->buffer_.size());
    if (self->buffer_.capacity() > kReadBufferKeptBytes) self->buffer_.shrink_to_fit();
    // What is closing reads for itself. In Boost 1.81 a read that finds the peer's close beside it waits for
    // it for ever.
    if (self->state_ != State::closing) self->read();
  });
}

void Link::take_message() {
  taking_ = true;
  try {
    if (!ws_.got_binary()) throw Error(ErrorKind::protocol, "a text message");
    const auto data = buffer_.data();
    take({static_cast<const char*>(data.data()), data.size()});
  } catch (const Error& error) {
    refuse(error);
  } catch (const std::exception& error) {
    refuse(Error(ErrorKind::internal, error.what()));
  }
  taking_ = false;
  write_soon();
}

void Link::wake() {
  if (!taking_) write();
}

// Answers to a message leave after the calls in it have gone to their workers, and with what these say at
// once.
void Link::write_soon() {
  asio::post(runner_.loop,
             [self = shared_from_this()] { asio::post(self->runner_.loop, [self] { self->write(); }); });
}

void Link::take(std::string_view message) {
  if (trusted_) {
    runner_.arrivals.spoke(this);
    return session_->take(message);
  }
  const auto first = wire::take_frame(message);
  if (!first) throw Error(ErrorKind::protocol, "half a frame in a message");
  begin_session(greeting_.take_auth(*first));
  if (owes_draining_) tell_draining();
  trusted_ = true;
  ws_.read_message_max(wire::kMessageMaxBytes);
  tick();  // pings from now on
  if (!message.empty()) take(message);
}

void Link::begin_session(const Greeting::Auth& auth) {
  if (auth.received) return take_up(*auth.received);
  auto session = std::make_shared<Session>(runner_, greeting_.session_id());
  if (!session->id().empty() && !runner_.sessions.add(session->id(), session))
    throw Error(ErrorKind::protocol, "a session of that name is there already");
  session_ = std::move(session);
  session_->attach(*this);
}

// Only now, when the client has proved itself: it may have another link yet, which is dead on its side.
void Link::take_up(std::uint64_t received) {
  auto session = runner_.sessions.find(greeting_.session_id());
  if (!session && received == 0 && runner_.sessions.was_cut_short(greeting_.session_id())) {
    begin_session({});
    return say(wire::FrameType::resumed, R"({"received":0})");
  }
  if (!session) {
    say(wire::FrameType::resumed, R"({"found":false})");
    session_ = std::make_shared<Session>(runner_, "");
    return session_->attach(*this);
  }
  session->attach(*this, received);
  session_ = std::move(session);
  runner_.sessions.resumed(session_->id());
  say(wire::FrameType::resumed, "{\"received\":" + std::to_string(session_->received()) + "}");
}

void Link::taken_over() {
  session_.reset();
  log(LogLevel::debug, "link_closed", {{"peer", name_}, {"why", "its client has another"}});
  closed();
}

// A stranger learns nothing; a client of ours is told what it did wrong.
void Link::refuse(const Error& error) {
  ++runner_.counters.refused;
  log(LogLevel::warning, "link_refused",
      {{"peer", name_}, {"kind", error_kind_name(error.kind)}, {"why", error.message}});
  if (error.kind == ErrorKind::refused) return finish(websocket::close_code::policy_error, "no right proof");
  if (session_)
    session_->send_error(0, error);
  else
    say(wire::FrameType::error, worker::error_json(error));
  finish(websocket::close_code::protocol_error, "see the error frame");
}

// Whatever is ready goes in one message.
void Link::write() {
  if (!sending_.empty() || (state_ != State::open && state_ != State::finishing)) return;
  if (!own_.empty())
    sending_.swap(own_);
  else if (session_)
    session_->next_message(sending_);
  if (sending_.empty()) {
    if (state_ == State::finishing) close();
    return;
  }
  owes_reading_ = true;
  ws_.async_write(asio::buffer(sending_), [self = shared_from_this()](error_code failed, std::size_t) {
    self->sending_.clear();
    if (failed || self->state_ == State::closed) return;  // the read ends, too
    if (self->session_) self->session_->sent();
    self->write();
  });
}

// Closes once all that was said is written; frames that come meanwhile are not taken.
void Link::finish(websocket::close_code code, const char* why) {
  if (state_ != State::open) return;
  state_ = State::finishing;
  reason_ = websocket::close_reason(code, why);
  timer_.expires_after(kHandshakeTimeout);  // for a peer that does not read
  timer_.async_wait([self = shared_from_this()](error_code failed) {
    if (!failed) self->ended("it did not take its last frames");
  });
  if (session_) {
    runner_.sessions.end(session_->id(), why);
    session_->lasts_no_more();
    session_->cancel_all();
  }
  write();
}

void Link::close() {
  state_ = State::closing;
  ws_.async_close(reason_, [self = shared_from_this()](error_code) { self->ended("closed by the runner"); });
}

// A dead peer is found by its silence to pings. One that was sent something may be busy with it (its own
// output is blocked) and is left to the kernel's probes.
void Link::tick() {
  if (state_ != State::open || (!tcp_ && trusted_)) return;
  timer_.expires_after(trusted_ ? milliseconds(runner_.options.ping_interval_ms)
                                : milliseconds(runner_.options.http_timeout_ms));
  timer_.async_wait([self = shared_from_this()](error_code failed) {
    if (failed || self->state_ != State::open) return;
    if (!self->trusted_) return self->ended("no auth came");
    if (++self->silent_ticks_ > kSilentPingsMax && !self->owes_reading_) return self->ended("silent");
    self->ws_.async_ping({}, [self](error_code) {});
    self->tick();
  });
}

void Link::ended(std::string_view why) {
  if (state_ == State::closed) return;
  log(LogLevel::debug, "link_closed", {{"peer", name_}, {"why", why}});
  leave_session(why);
  closed();
}

// Calls end with their link, unless it was lost and may be made again.
void Link::leave_session(std::string_view why) {
  const auto session = std::exchange(session_, nullptr);
  const bool lost = state_ == State::open && !given_up_;
  if (lost && !trusted_ && !greeting_.session_id().empty())
    runner_.sessions.cut_short(greeting_.session_id());
  if (!session) return;
  session->detach();
  if (session->id().empty()) return;
  if (lost && session->may_wait())
    runner_.sessions.wait(session->id(), why);
  else
    runner_.sessions.end(session->id(), why);
}

void Link::closed() {
  state_ = State::closed;
  runner_.links.erase(this);
  runner_.arrivals.spoke(this);
  timer_.cancel();
  error_code ignored;
  ws_.next_layer().socket().close(ignored);
  runner_.lifetime.active();
  if (runner_.on_link_end) runner_.on_link_end();
}

}  // namespace

void open_link(Runner& runner, Peer peer, const HttpFields& fields) {
  std::optional<wire::Nonces> nonces;
  // Behind a relay a client with a token may reach a Unix socket: then both prove themselves there, too.
  const auto client = wire::read_nonce(field(fields, "flame-nonce"));
  if (client && !runner.token.empty()) nonces = wire::Nonces{*client, wire::make_nonce()};
  Greeting greeting(runner, std::move(nonces), field(fields, "flame-session"));
  std::make_shared<Link>(runner, std::move(peer), std::move(greeting))->open(fields);
}

}  // namespace flame::runner
