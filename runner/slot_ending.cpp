// How calls leave a slot without an answer of their function: taken back, cancelled, too late, too large, or
// their worker died.
#include <algorithm>
#include <csignal>
#include <utility>

#include "runner/fates.hpp"
#include "runner/slot.hpp"

namespace flame::runner {
namespace {

using wire::FrameType;

constexpr milliseconds kCancelGrace{500};  // for a function that heeds cancelled()
constexpr milliseconds kAnswerGrace{100};  // for an answer that must be on its way
constexpr unsigned kLossesMax = 4;         // workers that may die before a call begins

}  // namespace

// True when the call will certainly not run here. Otherwise the worker's next word about it tells.
bool Slot::withdraw(std::size_t index) {
  Fed& at = fed_[index];
  const std::uint64_t number = first_ + index;
  at.marked = true;
  worker_->page().withdraw(number);
  if (worker_->page().begun.load() >= number) return false;
  --backlog_.calls;
  backlog_.expected_us -= at.expected_us;
  backlog_.bytes -= at.bytes;
  at.call->slot = nullptr;
  at.call = nullptr;
  ++withdrawn_;
  return true;
}

std::vector<CallPtr> Slot::take_back(std::size_t most) {
  std::vector<CallPtr> out;
  for (std::size_t i = fed_.size(); i-- > 0 && out.size() < most;) {
    const CallPtr call = fed_[i].call;
    if (call == nullptr) continue;
    if (!call->kept || has_begun(*call) || !withdraw(i)) break;
    out.push_back(call);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void Slot::cancel(const CallPtr& call) {
  if (!has_begun(*call) && withdraw(static_cast<std::size_t>(call->number - first_))) {
    owner_.fail(call, given_up(*call, ready_ ? "queue" : "load"));
    if (!ready_ && calls() == 0) kill(WorkerCause::cancelled);  // a plugin may load for ever
    return;
  }
  worker_->page().cancelled.store(call->number);
  wire::append_frame(worker_->outgoing(), FrameType::cancel, 0, call->number, {});
  worker_->flush();
  call->deadline = call->deadline.earlier(Deadline::in(kCancelGrace));
}

void Slot::take_out(const CallPtr& call) {
  if (call->number == first_ || has_begun(*call)) return;
  if (!withdraw(static_cast<std::size_t>(call->number - first_))) return;
  call->wanted = Call::Wanted::cancelled;
  owner_.fail(call, given_up(*call, "queue"));
}

Clock::time_point Slot::next_deadline() const {
  auto next = leave_by_.at();
  for (const Fed& at : fed_)
    if (at.call != nullptr) next = std::min(next, at.call->deadline.at());
  return next;
}

void Slot::expire(Clock::time_point now) {
  if (!fed_.empty()) worker_->take_unsent();
  bool any = false;
  if (leave_by_.at() <= now) {
    leave_by_ = Deadline();
    kill(WorkerCause::left);
  }
  for (std::size_t i = 0; i < fed_.size(); ++i) {
    const CallPtr call = fed_[i].call;
    if (call == nullptr || call->deadline.at() > now) continue;
    any = true;
    if (call->wanted == Call::Wanted::yes) call->wanted = Call::Wanted::timed_out;
    if (!has_begun(*call) && withdraw(i))
      owner_.fail(call, given_up(*call, ready_ ? "queue" : "load"));
    else
      stop(call);
  }
  if (any && !ready_ && calls() == 0) kill(WorkerCause::timed_out);
}

// It is given nothing from now on: what a dying worker is given seems to die of its plugin.
void Slot::kill(WorkerCause why) {
  leaving_ = true;
  if (!killed_for_) killed_for_ = why;
  waits_for_ = nullptr;
  worker_->pause_reading(false);
  worker_->kill();
}

// The worker must end this call, which has begun; not one that began after it.
void Slot::stop(const CallPtr& call) {
  const bool again = call->stopping;
  call->stopping = true;
  call->deadline = Deadline();
  const bool was_leaving = std::exchange(leaving_, true);
  owner_.give_back(take_back(fed_.size()));
  // Nothing behind it can begin any more. If something did before, then this one has been answered.
  if (!again && worker_->page().begun.load() > call->number) {
    leaving_ = was_leaving;
    call->deadline = Deadline::in(kAnswerGrace);
    return;
  }
  kill(call->wanted == Call::Wanted::cancelled ? WorkerCause::cancelled : WorkerCause::timed_out);
}

bool Slot::look_at_memory() {
  if (limits_.memory_bytes == 0 || leaving_ || fed_.empty()) return false;
  memory_bytes_ = worker_->memory_bytes();
  if (memory_bytes_ <= limits_.memory_bytes) return memory_bytes_ > limits_.memory_bytes / 2;
  owner_.give_back(take_back(fed_.size()));
  kill(WorkerCause::out_of_memory);
  return false;
}

// Of a call whose worker cannot tell any more.
void Slot::tell_last_usage(const CallPtr& call, const WorkerEnd& end) {
  const bool metered = worker_->page().metered.load() == call->number;
  if (!call->bind->usage || end.peak_bytes == 0 || !metered) return;
  const std::string body = last_usage(end, memory_bytes_, worker_->page(), worker_->now());
  tell_usage(call, {FrameType::usage, 0, call->number, body});
}

WorkerCause Slot::cause(const WorkerEnd& end, bool begun) const {
  if (killed_for_) return *killed_for_;
  if (end.starved ||
      (end.signal == SIGKILL && limits_.memory_bytes != 0 && end.peak_bytes > limits_.memory_bytes))
    return WorkerCause::out_of_memory;
  if (!ready_) return WorkerCause::unloadable;
  if (end.signal != 0) return WorkerCause::crashed;
  return begun || !leaving_ ? WorkerCause::exited : WorkerCause::left;
}

void Slot::ended(const WorkerEnd& end) {
  std::vector<CallPtr> rest;
  add_calls(rest);
  CallPtr front;
  if (!rest.empty()) {
    front = rest.front();
    rest.erase(rest.begin());
  }
  const bool begun = front != nullptr && has_begun(*front);
  const WorkerCause why = cause(end, begun);
  leaving_ = true;
  fed_.clear();
  if (front != nullptr && begun) {
    tell_last_usage(front, end);
    owner_.fail(front, why == WorkerCause::out_of_memory
                           ? out_of_memory(*front, limits_.memory_bytes, memory_bytes_, end)
                           : died_running(*front, end, *worker_));
  }
  if (front != nullptr && !begun) end_front(front, end);
  owner_.give_back(std::move(rest));
  owner_.gone(*this, why);
}

// The worker died before the first of its calls began.
void Slot::end_front(const CallPtr& call, const WorkerEnd& end) {
  if (call->wanted != Call::Wanted::yes) return owner_.fail(call, given_up(*call, "queue"));
  // No plugin dies of that by itself: somebody killed the worker, or the kernel did for want of memory.
  const bool by_others = end.signal == SIGKILL && call->kept && call->losses < kLossesMax;
  if (!ready_ && !load_told_ && !killed_for_ && !by_others)
    return owner_.fail(call, died_loading(*call, end, *worker_));
  if (!call->kept || (!killed_for_ && ++call->losses > kLossesMax))
    return owner_.fail(
        call,
        Error(ErrorKind::lost, "the worker ended before the call began", "run it again").at_phase("queue"));
  owner_.give_back({call});
}

}  // namespace flame::runner
