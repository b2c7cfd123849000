#include "runner/session.hpp"

#include "base/text.hpp"
#include "runner/bind_request.hpp"
#include "runner/json_body.hpp"
#include "runner/metrics.hpp"
#include "runner/worker/channel.hpp"

namespace flame::runner {
namespace json = boost::json;
using wire::Frame;
using wire::FrameType;

namespace {

constexpr std::size_t kCutShortMaxCount = 65536;

Error broken(const std::string& why) { return Error(ErrorKind::protocol, why); }

// What is added at the end of a body is JSON that a peer may lack a type for: it is ignored there.
std::uint32_t bind_number(const json::object& request) {
  const json::value* value = request.if_contains("bind");
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0 ||
      value->get_int64() >= std::int64_t{wire::kBindMaxCount})
    throw Error(ErrorKind::limit,
                "a bind whose number is not 0 to " + std::to_string(wire::kBindMaxCount - 1));
  return static_cast<std::uint32_t>(value->get_int64());
}

}  // namespace

Session::Session(Runner& runner, std::string id)
    : runner_(runner),
      id_(std::move(id)),
      lasting_(id_.empty() ? nullptr : std::make_unique<Lasting>()),
      shipments_(runner.plugins.incoming(), [this](FrameType type, std::uint64_t transfer,
                                                   std::string_view body) { send(type, 0, transfer, body); }),
      fetches_(
          runner.held, [this](std::uint64_t call, std::string_view body) { tell_held(call, body); },
          [this] { fill(); }) {}

Session::~Session() {
  runner_.scheduler.resume(*this);
  for (auto& [id, open] : calls_) {
    ++runner_.counters.abandoned;
    listen_no_more(*open.call);
    runner_.scheduler.cancel(open.call);
  }
}

// One that was to be detached had not come whole: nobody will ask for it.
void Session::listen_no_more(Call& call) {
  if (const auto held = call.detached ? runner_.held.find(call.id) : nullptr)
    held->sender_gone();
  else
    call.sink = nullptr;
}

void Session::attach(Carrier& carrier, std::optional<std::uint64_t> received) {
  if (received) {
    lasting_->sent.resume(*received);
    lasting_->received.told();
  }
  if (Carrier* const before = std::exchange(carrier_, &carrier)) before->taken_over();
}

bool Session::in_flight() const {
  return !calls_.empty() || (lasting_ && lasting_->sent.acknowledged() < lasting_->ends_at);
}

void Session::lasts_no_more() {
  if (!lasting_) return;
  outgoing_.insert(0, lasting_->sent.unsent());
  lasting_.reset();
}

void Session::take(std::string_view message) {
  while (const auto frame = wire::take_frame(message)) {
    if (frame->type == FrameType::received) {
      if (lasting_) lasting_->sent.acknowledge(wire::read_position(*frame));
      continue;
    }
    if (lasting_) lasting_->received.count(*frame);
    take_frame(*frame);
  }
  if (!message.empty()) throw broken("half a frame in a message");
  if (replies_bytes_ > wire::kReplyBacklogMaxBytes)
    throw Error(ErrorKind::limit, "the client asks and does not read the answers");
  if (lasting_) wake();  // to tell what came, or go on with what had to wait
}

void Session::take_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::auth:  // no token is used here
      return;
    case FrameType::bind:
      return bind(frame.body);
    case FrameType::call:
      if (calls_.contains(frame.call)) return more_of_call(frame);
      if (cut_short_.contains(frame.call)) {
        if (!frame.has(wire::flag::more)) cut_short_.erase(frame.call);
        return;
      }
      return begin_call(frame);
    case FrameType::input:
    case FrameType::end_input:
      return more_of_call(frame);
    case FrameType::offer:
      return shipments_.offer(frame);
    case FrameType::ship:
      return shipments_.ship(frame);
    case FrameType::look:
      return look(frame.body);
    case FrameType::fetch:
      return fetches_.fetch(frame);
    case FrameType::release:
      return fetches_.release(frame);
    case FrameType::withdraw:
      if (const auto open = calls_.find(frame.call); open != calls_.end())
        runner_.scheduler.withdraw(CallPtr(open->second.call));
      return;
    case FrameType::cancel:
      if (const auto open = calls_.find(frame.call); open != calls_.end())
        runner_.scheduler.cancel(CallPtr(open->second.call));
      else if (const auto held = runner_.held.find(frame.call))
        held->cancel();
      return;
    default:
      if (frame.has(wire::flag::critical)) fail_unknown(frame);
  }
}

void Session::look(std::string_view body) {
  if (flag_of(read_object(body, "a look"), "stay")) runner_.lifetime.active();
  const std::size_t before = outgoing_.size();
  send(FrameType::info, 0, 0, info_json(runner_));
  replies_bytes_ += outgoing_.size() - before;
}

void Session::fail_unknown(const Frame& frame) {
  const Error error = broken("a frame of the unknown type " + std::to_string(static_cast<int>(frame.type)));
  if (frame.call == 0) throw error;
  const auto open = calls_.find(frame.call);
  if (open == calls_.end()) return answer(frame.call, error);
  const CallPtr call = open->second.call;
  listen_no_more(*call);
  runner_.scheduler.cancel(call);
  Error ended = error;
  answer(frame.call, ended.with_fate(Fate::unknown));
}

void Session::bind(std::string_view body) {
  const json::object request = read_object(body, "a bind");
  const std::uint32_t number = bind_number(request);
  Binding& made = binds_[number] = Binding{std::make_shared<Bind>(), {}, false};
  made.bind->id = runner_.next_bind();
  try {
    read_bind(request, *made.bind);
    made.bind->fresh = flag_of(request, "fresh");
    made.bind->phases = flag_of(request, "phases");
    made.bind->usage = made.bind->phases || flag_of(request, "usage");
    runner_.plugins.check(request_of(*made.bind));
    if (flag_of(request, "ask"))
      send(FrameType::bound, 0, 0, "{\"bind\":" + std::to_string(number) + ",\"here\":true}");
    numbers_[made.bind->id] = number;
  } catch (const Error& error) {
    made.error = error;
    made.told = true;
    const std::string text = "{\"bind\":" + std::to_string(number) + ",\"error\":";
    send(FrameType::bound, 0, 0, text + worker::error_json(error) + "}");
    replies_bytes_ += text.size();
  }
}

void Session::begin_call(const Frame& frame) {
  const auto head = wire::read_call_head(frame.body);
  if (!head || frame.call == 0) throw broken("a call without an id or without its head");
  if (calls_.size() >= wire::kCredit)
    throw broken("more than " + std::to_string(wire::kCredit) + " calls in flight on a link");
  if (frame.body.size() > wire::kWindowBytes) throw broken("a call sent more than its window");
  if (cut_short_.size() >= kCutShortMaxCount) throw broken("too many calls whose bodies never ended");
  if (const auto held = runner_.held.find(frame.call)) return repeated(frame, *held);
  Open& open = calls_[frame.call];
  open.window_bytes -= frame.body.size();
  open.body_open = frame.has(wire::flag::more);
  open.call = std::make_shared<Call>();
  try {
    const auto bound = binds_.find(head->bind);
    if (bound == binds_.end()) throw broken("a call of an unknown bind");
    if (bound->second.error) throw *bound->second.error;
    if (head->argument_count > wire::kArgumentMaxCount)
      throw Error(ErrorKind::limit, std::to_string(head->argument_count) + " arguments; the limit is " +
                                        std::to_string(wire::kArgumentMaxCount));
    open.call->bind = bound->second.bind;
    open.call->head = *head;
    open.call->deadline = Deadline::from_remaining_ms(head->remaining_ms);
    open.call->id = frame.call;
    open.call->sink = this;
    wire::append_frame(open.call->waiting, frame.type, frame.flags, frame.call, frame.body);
    if (frame.has(wire::flag::detached)) runner_.held.hold(open.call, *this);
    runner_.submit(CallPtr(open.call));
  } catch (const Error& error) {
    if (frame.has(wire::flag::detached)) runner_.held.forget(frame.call);
    answer(frame.call, error);
  }
}

// A detached call whose answer may have been lost is sent again: it does not run twice.
void Session::repeated(const Frame& frame, const HeldCall& held) {
  if (frame.has(wire::flag::more)) cut_short_.insert(frame.call);
  if (!frame.has(wire::flag::detached)) throw broken("a call's id is that of a detached call");
  if (held.is_whole()) return send(FrameType::accepted, 0, frame.call, {});
  answer(frame.call, Error(ErrorKind::lost, "a link that ended, or another, had begun to send this call")
                         .with_fate(Fate::unknown));
}

// The next piece of a call's body, of its input, or the input's end. Late ones, of a call that has ended, are
// dropped.
void Session::more_of_call(const Frame& frame) {
  const auto found = calls_.find(frame.call);
  if (found == calls_.end()) return;
  Open& open = found->second;
  if (frame.type == FrameType::call && !open.body_open) throw broken("a call's id is in use");
  if (frame.type != FrameType::call && open.body_open) throw broken("input before the call's body had come");
  if (frame.body.size() > open.window_bytes) throw broken("a call sent more than its window");
  open.window_bytes -= frame.body.size();
  if (frame.type == FrameType::call) open.body_open = frame.has(wire::flag::more);
  const CallPtr call = open.call;
  runner_.scheduler.feed(call, frame);
  if (!call->detached || frame.type != FrameType::end_input) return;
  if (const auto held = runner_.held.find(call->id)) held->all_came();
}

// Ends a call that the scheduler does not have.
void Session::answer(std::uint64_t call, const Error& error) {
  const std::size_t before = outgoing_.size();
  if (error.kind == ErrorKind::busy)
    send(FrameType::busy, 0, call,
         "{\"retry_after_ms\":" + std::to_string(error.retry_after_ms.value_or(50)) + "}");
  else
    send_error(call, error);
  if (outgoing_.size() > before) replies_bytes_ += outgoing_.size() - before;
  end(call);
}

void Session::end(std::uint64_t call) {
  if (lasting_) lasting_->ends_at = lasting_->sent.end_position() + outgoing_.size();
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  if (found->second.body_open) cut_short_.insert(call);
  calls_.erase(found);
}

bool Session::frame(Call& call, const Frame& frame) {
  if (frame.type == FrameType::bound) {
    forward_bound(call, frame.body);
  } else {
    if (frame.type == FrameType::window && frame.body.size() == 8)
      if (const auto open = calls_.find(call.id); open != calls_.end())
        open->second.window_bytes += wire::get_u64(frame.body.data());
    send(frame.type, frame.flags, call.id, frame.body);
  }
  if (ends_call(frame)) {
    runner_.count_end(call, frame);
    end(call.id);
  } else if (call.detached && frame.type == FrameType::accepted) {
    end(call.id);
  }
  return backlog_bytes() <= kHighWaterBytes;
}

// A worker's answer to a bind carries the worker's number, and every worker gives one: the client gets the
// first, with its own number.
void Session::forward_bound(const Call& call, std::string_view body) {
  const auto number = numbers_.find(call.bind->id);
  if (number == numbers_.end()) return;
  Binding& binding = binds_[number->second];
  if (binding.bind != call.bind || binding.told) return;
  binding.told = true;
  const std::size_t rest = body.find_first_of(",}");
  if (!body.starts_with("{\"bind\":") || rest == std::string_view::npos) return;
  send(FrameType::bound, 0, 0,
       "{\"bind\":" + std::to_string(number->second) + std::string(body.substr(rest)));
}

void Session::send(FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body) {
  wire::append_frame(outgoing_, type, flags, call, body);
  wake();
}

void Session::wake() {
  if (carrier_ != nullptr) carrier_->wake();
}

void Session::send_error(std::uint64_t call, const Error& error) {
  send(FrameType::error, 0, call, worker::error_json(error));
}

void Session::next_message(std::string& message) {
  if (lasting_) return next_kept(message);
  if (!outgoing_.empty()) move_outgoing(message);
}

void Session::next_kept(std::string& message) {
  wire::SentFrames& sent = lasting_->sent;
  if (sent.unsent().empty()) {
    sent.append(outgoing_);
    outgoing_.clear();
    replies_bytes_ = 0;
  }
  if (lasting_->received.owes()) return lasting_->received.append_to(message);
  message += sent.next_message();
}

std::size_t Session::backlog_bytes() const {
  return outgoing_.size() + (lasting_ ? lasting_->sent.unsent().size() : 0);
}

void Session::move_outgoing(std::string& message) {
  if (outgoing_.size() <= wire::kMessageMaxBytes) {
    message.swap(outgoing_);
  } else {
    std::size_t end = 0;
    for (std::size_t next = 0; next <= wire::kMessageMaxBytes;
         end = next, next += wire::kHeaderBytes + wire::get_u32(outgoing_.data() + next)) {
    }
    message.assign(outgoing_, 0, end);
    outgoing_.erase(0, end);
  }
  replies_bytes_ = 0;
}

void Session::tell_held(std::uint64_t call, std::string_view body) {
  send(FrameType::held, 0, call, body);
  replies_bytes_ += body.size();
}

void Session::fill() {
  fetches_.fill(outgoing_, kHighWaterBytes);
  if (!outgoing_.empty()) wake();
}

void Session::sent() {
  fetches_.fill(outgoing_, kHighWaterBytes);
  if (backlog_bytes() <= kHighWaterBytes) runner_.scheduler.resume(*this);
}

void Session::cancel_all() {
  std::vector<CallPtr> calls;
  for (const auto& [id, open] : calls_) calls.push_back(open.call);
  for (const CallPtr& call : calls) runner_.scheduler.cancel(call);
}

}  // namespace flame::runner
