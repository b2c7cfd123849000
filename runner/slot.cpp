#include "runner/slot.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.hpp"
#include "runner/fates.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker/result_writer.hpp"
#include "wire/limits.hpp"

namespace flame::runner {
namespace {

using wire::Frame;
using wire::FrameType;

constexpr milliseconds kLeaveGrace{2000};  // for a plugin's shutdown()
constexpr std::size_t kSlotBindMax = 64;   // functions and environments that a worker remembers
constexpr std::size_t kKeptMaxBytes = wire::kWindowBytes + wire::kWindowBytes / 4;  // bodies and headers

double microseconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

const char* wanted_of(const Bind& bind) {
  return bind.phases ? ",\"phases\":true" : bind.usage ? ",\"usage\":true" : "";
}

std::string bind_identity(const Bind& bind) {
  return bind.function + "\n" + wanted_of(bind) + "\n" + bind.environment_json;
}

}  // namespace

double Slot::run_us() const {
  if (fed_.empty() || fed_.front().call == nullptr) return 0;
  const double mean = fed_.front().call->bind->known->mean_us;
  return mean <= 0 ? 0 : std::max(mean, microseconds_between(mark_, worker_->now()));  // no less than it has
}

bool Slot::takes(const Call& call) const {
  if (leaving() || wanted_for != nullptr) return false;
  if (limits_.calls != 0 && first_ + fed_.size() > limits_.calls) return false;
  if (fed_.empty()) return !(call.bind->fresh && used());
  if (exclusive_ || call.bind->fresh || call.in_pieces || call.bind->known->streaming) return false;
  return fed_.size() < wire::kFeedAheadMaxCount &&
         feed_more(backlog_, call.bind->known->mean_us, call.waiting.size());
}

void Slot::give(const CallPtr& call) {
  const Function& function = *call->bind->known;
  if (fed_.empty()) {
    exclusive_ = call->in_pieces || function.streaming || function.mean_us <= 0;
    mark_ = worker_->now();
    passing_.clear();
  }
  call->slot = this;
  call->state = Call::State::fed;
  call->number = first_ + fed_.size();
  call->passed_bytes = 0;
  if (fed_.empty() && call->bind->usage) call->next = worker_->now();
  const std::uint32_t number = bind(*call->bind);
  fed_.push_back({call, function.mean_us, call->waiting.size()});
  ++backlog_.calls;
  backlog_.expected_us += function.mean_us;
  backlog_.bytes += call->waiting.size();
  if (!function.bound.empty() && !call->bind->told) {
    call->bind->told = true;
    tell(call, {FrameType::bound, 0, call->number, function.bound});
  }
  send_waiting(*call, number);
}

// The worker's number for a bind; told to it first where that is new. Numbers are used again in turn: what
// was fed before keeps its meaning, for a worker takes everything in order.
std::uint32_t Slot::bind(const Bind& bind) {
  if (bind.id == last_bind_ && !binds_.empty()) return last_number_;
  std::string identity = bind_identity(bind);
  last_bind_ = bind.id;
  const auto known =
      std::find_if(binds_.begin(), binds_.end(), [&](const Bound& at) { return at.identity == identity; });
  if (known != binds_.end()) return last_number_ = static_cast<std::uint32_t>(known - binds_.begin());
  last_number_ = next_bind_++ % kSlotBindMax;
  if (last_number_ == binds_.size()) binds_.emplace_back();
  std::string body = "{\"bind\":" + std::to_string(last_number_) + ",\"function\":";
  worker::append_json_string(body, bind.function);
  body += ",\"env\":" + bind.environment_json;
  (body += wanted_of(bind)) += "}";
  wire::append_frame(worker_->outgoing(), FrameType::bind, 0, 0, body);
  binds_[last_number_] = {std::move(identity), bind.known};
  return last_number_;
}

// The frames that were kept, with this worker's numbers written over the client's.
void Slot::send_waiting(Call& call, std::uint32_t bind) {
  call.head.bind = bind;
  call.head.remaining_ms = call.deadline.remaining_ms();
  wire::write_call_head(call.waiting.data() + wire::kHeaderBytes, call.head);
  std::size_t bodies = 0;
  for (std::size_t at = 0; at < call.waiting.size();) {
    const std::size_t body = wire::get_u32(call.waiting.data() + at);
    std::memcpy(call.waiting.data() + at + 8, &call.number, 8);
    at += wire::kHeaderBytes + body;
    bodies += body;
  }
  worker_->outgoing() += call.waiting;
  if (exclusive_) passing_.push_back({worker_->position(), bodies});
  worker_->flush();
}

void Slot::pass(const CallPtr& call, const Frame& frame) {
  wire::append_frame(worker_->outgoing(), frame.type, frame.flags, call->number, frame.body);
  if (exclusive_) passing_.push_back({worker_->position(), frame.body.size()});
  if (call->kept && (call->waiting.size() + frame.body.size() > kKeptMaxBytes || has_begun(*call))) {
    call->kept = false;
    std::string().swap(call->waiting);
  }
  if (call->kept) wire::append_frame(call->waiting, frame.type, frame.flags, call->number, frame.body);
  worker_->flush();
}

// Grants what has left; a call that is fed again to another worker is granted nothing twice.
void Slot::passed(std::uint64_t position) {
  if (!exclusive_ || fed_.empty() || fed_.front().call == nullptr) return passing_.clear();
  const CallPtr call = fed_.front().call;
  std::uint64_t passed = 0;
  while (!passing_.empty() && passing_.front().position <= position) {
    passed += passing_.front().body_bytes;
    passing_.pop_front();
  }
  call->passed_bytes += passed;
  if (call->passed_bytes < call->granted_bytes + wire::kWindowBytes / 2) return;  // it has enough to go on
  std::string body;
  wire::put_u64(body, call->passed_bytes - call->granted_bytes);
  call->granted_bytes = call->passed_bytes;
  tell(call, {FrameType::window, 0, call->number, body});
}

// Frames that were read before the sink had enough still come.
void Slot::tell(const CallPtr& call, const Frame& frame) {
  CallSink* sink = call->sink;
  if (sink == nullptr || sink->frame(*call, frame) || waits_for_ != nullptr) return;
  waits_for_ = sink;
  worker_->pause_reading(true);
}

void Slot::resume(const CallSink& sink) {
  if (waits_for_ != &sink) return;
  waits_for_ = nullptr;
  worker_->pause_reading(false);
}

void Slot::frame(const Frame& frame) {
  if (frame.type == FrameType::hello) {
    ready_ = true;
    mark_ = loaded_ = worker_->now();
    return;
  }
  if (frame.type == FrameType::error && frame.call == 0) return not_loaded(frame);
  if (frame.type == FrameType::bound) return bound(frame);
  // Only the first can say something; anything else is the plugin scribbling, or late.
  if (fed_.empty() || frame.call != first_) return;
  if (frame.type == FrameType::withdrawn) return call_withdrawn();
  if (fed_.front().call == nullptr) return;
  const CallPtr call = fed_.front().call;
  if (frame.type == FrameType::usage) return tell_usage(call, frame);
  if (!ends_call(frame)) return tell(call, frame);
  ++answered_;
  answered_function_ = call->bind->known;
  pop();
  owner_.finish(call, frame);
}

void Slot::not_loaded(const Frame& frame) {
  leaving_ = load_told_ = true;
  for (Fed& at : fed_) {
    if (at.call == nullptr) continue;
    const CallPtr call = std::exchange(at.call, nullptr);
    ++withdrawn_;
    return owner_.finish(call, {FrameType::error, 0, call->number, frame.body});
  }
}

// {"bind":N,"signature":…,"flags":"…"} or {"bind":N,"error":{…}}
void Slot::bound(const Frame& frame) {
  constexpr std::string_view head = "{\"bind\":";
  const std::size_t comma = frame.body.find(',');
  if (!frame.body.starts_with(head) || comma == std::string_view::npos) return;
  std::size_t number = 0;
  for (char c : frame.body.substr(head.size(), comma - head.size()))
    number = number * 10 + static_cast<std::size_t>(c - '0');
  if (number >= binds_.size()) return;
  const std::string body = "{\"bind\":0," + std::string(frame.body.substr(comma + 1));
  Function& function = *binds_[number].function;
  if (frame.body.substr(comma + 1).starts_with("\"signature\":")) {
    function.bound = body;
    const std::size_t flags = body.rfind("\"flags\":");
    function.streaming = flags != std::string::npos && body.find("streaming", flags) != std::string::npos;
  }
  mark_ = worker_->now();
  for (const Fed& at : fed_) {
    if (at.call == nullptr || at.call->bind->known.get() != &function || at.call->bind->told) continue;
    at.call->bind->told = true;
    return tell(CallPtr(at.call), {FrameType::bound, 0, at.call->number, body});
  }
}

// The worker measured the run; the waits before it are known here.
void Slot::tell_usage(const CallPtr& call, const Frame& frame) {
  if (!frame.body.starts_with('{')) return;
  const auto ms = [](Clock::time_point from, Clock::time_point to) {
    return to > from ? microseconds_between(from, to) / 1000 : 0.0;
  };
  std::string body = "{\"queue_ms\":";
  worker::append_number(body, ms(call->arrived, call->next));
  worker::append_number(body += ",\"load_ms\":", call->next < loaded_ ? ms(call->next, loaded_) : 0.0);
  body += ',';
  body += frame.body.substr(1);
  tell(call, {FrameType::usage, 0, call->number, body});
}

void Slot::call_withdrawn() {
  const CallPtr call = fed_.front().call;
  if (call == nullptr) --withdrawn_;
  pop();
  if (call == nullptr) return;
  // `begun` was raised just as the bit was set, and the worker saw the bit.
  if (call->wanted != Call::Wanted::yes) return owner_.fail(call, given_up(*call, "queue"));
  owner_.give_back({call});
}

void Slot::pop() {
  const Fed& front = fed_.front();
  if (front.marked) worker_->page().clear_withdrawn(first_);
  if (front.call != nullptr) {
    --backlog_.calls;
    backlog_.expected_us -= front.expected_us;
    backlog_.bytes -= front.bytes;
    front.call->slot = nullptr;
  }
  fed_.pop_front();
  ++first_;
  if (!fed_.empty()) {
    const CallPtr& call = fed_.front().call;
    if (call != nullptr && call->bind->usage) call->next = worker_->now();
    return;
  }
  exclusive_ = false;
  backlog_ = {};
}

void Slot::frames_over() {
  if (answered_ > 0) measure(worker_->now());
  owner_.progressed(*this);
}

void Slot::measure(Clock::time_point now) {
  answered_function_->mean_us =
      next_mean(answered_function_->mean_us, microseconds_between(mark_, now), answered_);
  answered_function_.reset();
  answered_ = 0;
  mark_ = now;
}

void Slot::printed(std::uint64_t number, std::string_view text) {
  CallPtr call;
  if (number >= first_ && number - first_ < fed_.size()) call = fed_[number - first_].call;
  if (!ready_ && !fed_.empty()) call = fed_.front().call;  // while the plugin was loaded
  if (call == nullptr) return;                             // between calls: nobody's
  std::string body = "{\"level\":\"stderr\",\"text\":";
  worker::append_json_string(body, valid_utf8(text) ? text : std::string_view(printable(text, true)));
  body += '}';
  tell(call, {FrameType::log, 0, call->number, body});
}

// Half of what it may have is much for a worker that does nothing.
bool Slot::worn_out() const {
  return (limits_.calls != 0 && first_ > limits_.calls) ||
         (limits_.memory_bytes != 0 && memory_bytes_ > limits_.memory_bytes / 2);
}

void Slot::take_held() {
  if (!fed_.empty()) worker_->take_unsent();
}

void Slot::leave() {
  leaving_ = true;
  if (!leave_by_.unlimited()) return;
  leave_by_ = Deadline::in(kLeaveGrace);
  worker_->close_input();
}

void Slot::add_calls(std::vector<CallPtr>& out) const {
  for (const Fed& at : fed_)
    if (at.call != nullptr) out.push_back(at.call);
}

}  // namespace flame::runner
