#include "runner/held_call.hpp"

#include <utility>

#include "runner/fates.hpp"
#include "runner/held_calls.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker/result_writer.hpp"
#include "wire/limits.hpp"

namespace flame::runner {

using wire::Frame;
using wire::FrameType;

HeldCall::HeldCall(HeldCalls& owner, const CallPtr& call, CallSink& sender)
    : owner_(owner), id_(call->id), call_(call), sender_(&sender) {}

HeldCall::HeldCall(HeldCalls& owner, std::uint64_t id)
    : owner_(owner), id_(id), over_(true), fetched_(true), outcome_("cancelled"), ended_(Clock::now()) {}

bool HeldCall::frame(Call& call, const Frame& frame) {
  switch (frame.type) {
    case FrameType::accepted:  // that it waits says nothing yet: more of it may have to come
    case FrameType::progress:
      return true;
    case FrameType::started:
      begun_ = true;
      return true;
    case FrameType::bound:
    case FrameType::window:
      if (sender_ != nullptr) sender_->frame(call, frame);
      return true;
    case FrameType::log:
      keep_log(frame);
      return true;
    default:
      if (ends_call(frame))
        end(call, frame);
      else
        keep(frame);
      return true;
  }
}

void HeldCall::append(const Frame& frame, std::string_view body) {
  wire::append_frame(frames_, frame.type, frame.flags, id_, body);
  owner_.grew(wire::kHeaderBytes + body.size());
}

void HeldCall::keep(const Frame& frame) {
  if (cut_) return;
  const std::size_t size = wire::kHeaderBytes + frame.body.size();
  if (frame.type != FrameType::usage && !owner_.has_room(frames_.size(), size)) return too_large(frame);
  if (frame.type == FrameType::result && result_at_ == std::string::npos) result_at_ = frames_.size();
  if (frame.type == FrameType::output) output_bytes_ += frame.body.size();
  append(frame, frame.body);
}

// Output is of use up to where it is cut; a part of a result is of none.
void HeldCall::too_large(const Frame& frame) {
  cut_ = true;
  if (frame.type != FrameType::result || result_at_ == std::string::npos) return;
  owner_.shrank(frames_.size() - result_at_);
  frames_.resize(result_at_);
}

// A function that says much must not cost its result the room.
void HeldCall::keep_log(const Frame& frame) {
  const std::size_t size = wire::kHeaderBytes + frame.body.size();
  if (log_bytes_ > wire::kHeldLogMaxBytes) return;
  log_bytes_ += size;
  if (log_bytes_ <= wire::kHeldLogMaxBytes && owner_.has_room(frames_.size(), size))
    return append(frame, frame.body);
  log_bytes_ = wire::kHeldLogMaxBytes + 1;
  append(frame, R"({"level":"warning","text":"what the call said from here on was not kept"})");
}

void HeldCall::end(Call& call, const Frame& last) {
  const auto self = shared_from_this();  // an owner that forgets it must not end it here
  CallSink* const sender = std::exchange(sender_, nullptr);
  const bool failed = last.type == FrameType::error;
  if (sender != nullptr && failed && last.body.find(R"("fate":"never_begun")") != std::string_view::npos) {
    owner_.forget(id_);
    sender->frame(call, last);
    return;
  }
  if (!failed) keep(last);
  over_ = true;
  whole_ = whole_ || sender != nullptr;
  ended_ = Clock::now();
  outcome_ = failed ? error_kind_name(kind_of_error(last.body)) : "done";
  if (cut_ && !failed) {
    outcome_ = error_kind_name(ErrorKind::limit);
    Error error(ErrorKind::limit,
                "the call is done, but its result is too large to keep: the runner kept " +
                    std::to_string(output_bytes_) + " bytes of output; its limit is " + owner_.limit_text(),
                "run it without --detach, which streams any size");
    append({FrameType::error, 0, id_, {}}, worker::error_json(error.with_fate(Fate::done)));
  } else if (failed) {
    append(last, last.body);
  }
  owner_.ended(self, call, last);
  if (sender != nullptr) sender->frame(call, {FrameType::accepted, 0, id_, {}});
  for (Waiter* waiter : std::exchange(waiters_, {})) waiter->is_over(self);
}

void HeldCall::all_came() {
  const CallPtr call = call_.lock();
  CallSink* const sender = std::exchange(sender_, nullptr);
  whole_ = true;
  if (sender != nullptr && call != nullptr) sender->frame(*call, {FrameType::accepted, 0, id_, {}});
}

void HeldCall::sender_gone() {
  sender_ = nullptr;
  if (!over_) fetched();
}

void HeldCall::cancel() { owner_.cancel(call_.lock()); }

void HeldCall::fetched() {
  if (std::exchange(fetched_, true)) return;
  owner_.one_fetched();
}

std::string HeldCall::state_json() const {
  const char* const waiting = begun_ ? "running" : "queued";
  std::string out = std::string(R"({"state":")") + (over_ ? "over" : waiting) +
                    "\",\"age_ms\":" + std::to_string(ms_since(arrived_)) +
                    ",\"whole\":" + (whole_ ? "true" : "false") +
                    ",\"fetched\":" + (fetched_ ? "true" : "false");
  if (over_)
    out += ",\"outcome\":\"" + outcome_ + "\",\"ended_ms\":" + std::to_string(ms_since(ended_)) +
           ",\"bytes\":" + std::to_string(frames_.size());
  return out + "}";
}

}  // namespace flame::runner
