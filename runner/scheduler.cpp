#include "runner/scheduler.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::runner {
namespace {

using wire::Frame;
using wire::FrameType;

constexpr milliseconds kCancelGrace{500};  // for a function that heeds cancelled()

Error end_error(const Call& call, const WorkerEnd& end, const CrashWatch& watch) {
  if (call.wanted == Call::Wanted::timed_out)
    return Error(ErrorKind::timed_out, "the deadline passed while the function ran")
        .with_fate(Fate::timed_out)
        .at_phase("run");
  if (call.wanted == Call::Wanted::cancelled)
    return Error(ErrorKind::cancelled, "cancelled").with_fate(Fate::cancelled).at_phase("run");
  const std::string name = call.bind->function;
  Error error(ErrorKind::exited,
              name + ": the plugin ended its process with exit(" + std::to_string(end.code) + ")",
              "a function returns; it must not call exit()");
  if (end.signal != 0) {
    wire::CrashReport crash = watch.report(end.signal, call.bind->sha256);
    error = Error(ErrorKind::crashed, name + " died of " + crash.reason);
    error.signal = end.signal;
    error.crash = std::move(crash.json);
    if (end.signal == SIGKILL) error.hint = "nobody here killed it: the kernel may have run out of memory";
  }
  return error.with_fate(Fate::crashed).at_phase("run");
}

// Its constructors or its init() ended the process.
Error load_error(const Call& call, const WorkerEnd& end, const CrashWatch& watch) {
  Error error(ErrorKind::plugin_unloadable, "the worker ended while it loaded '" + call.bind->path + "'");
  if (end.signal != 0) {
    wire::CrashReport crash = watch.report(end.signal, call.bind->sha256);
    error.message = "loading it, the worker died of " + crash.reason;
    error.crash = std::move(crash.json);
  }
  return error.at_phase("load");
}

}  // namespace

std::size_t Scheduler::busy() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& s) { return s.current != nullptr; }));
}

bool Scheduler::submit(const CallPtr& call) {
  if (queue_.size() >= wire::kQueueMaxCount) return false;
  queue_.push_back(call);
  if (!call->deadline.unlimited()) arm_timer();
  pump();
  return true;
}

void Scheduler::pump() {
  // Calls are placed in order of arrival; one that must wait for another plugin's slot does not hold up the
  // rest.
  for (auto at = queue_.begin(); at != queue_.end() && busy() < options_.slots;) {
    const CallPtr call = *at;
    if (!place(call)) {
      ++at;
      continue;
    }
    queue_.erase(std::find(queue_.begin(), queue_.end(), call));
    at = queue_.begin();
  }
  if (idle() && told_idle_) told_idle_();
}

// True when the call has a worker, or has ended.
bool Scheduler::place(const CallPtr& call) {
  if (call->state == Call::State::over) return true;
  std::string key = call->bind->sha256 + "\n" + call->bind->path;
  if (call->bind->fresh) key += "\nfresh " + std::to_string(call->bind->id);
  Slot* idle_other = nullptr;
  std::size_t alive = 0;
  for (Slot& slot : slots_) {
    ++alive;
    if (slot.current || slot.leaving) continue;
    if (slot.key == key && !call->bind->fresh) {
      give(slot, call);
      return true;
    }
    idle_other = &slot;
  }
  if (alive >= options_.slots) {
    if (idle_other != nullptr) {  // the place is wanted for another plugin
      idle_other->leaving = true;
      idle_other->process->close_input();
    }
    return false;
  }
  Slot* slot = start(call, key);
  if (slot == nullptr) return true;
  give(*slot, call);
  return true;
}

Slot* Scheduler::start(const CallPtr& call, const std::string& key) {
  Slot& slot = slots_.emplace_back();
  slot.key = key;
  slot.fresh = call->bind->fresh;
  try {
    PluginFile file = source_.open(call->bind->path, call->bind->sha256);
    WorkerProcess::Events events;
    events.on_frame = [this, &slot](const Frame& frame) { from_worker(slot, frame); };
    events.on_print = [this, &slot](std::string_view level, std::string_view text) {
      if (!slot.current || slot.current->sink == nullptr) return;
      std::string body = "{\"level\":\"" + std::string(level) + "\",\"text\":";
      worker::append_json_string(body, valid_utf8(text) ? text : std::string_view(printable(text, true)));
      body += '}';
      tell(slot, slot.current, {FrameType::log, 0, slot.current->number, body});
    };
    events.on_end = [this, &slot](const WorkerEnd& end) { worker_ended(slot, end); };
    slot.process = WorkerProcess::start(loop_, options_.worker, options_.sandbox, file.fd.get(), file.path,
                                        file.path, std::move(events));
    slot.process->on_sent([this, &slot](std::size_t size) {
      const CallPtr current = slot.current;
      if (!current || current->state != Call::State::fed) return;
      std::string body;
      wire::put_u64(body, size);
      tell(slot, current, {FrameType::window, 0, current->number, body});
    });
    return &slot;
  } catch (Error& error) {
    slots_.pop_back();
    fail(call, error);
    return nullptr;
  }
}

void Scheduler::give(Slot& slot, const CallPtr& call) {
  slot.current = call;
  call->slot = &slot;
  call->state = Call::State::fed;
  call->fed = Clock::now();
  call->number = ++slot.calls;
  std::string out;
  const auto [bind, is_new] =
      slot.binds.try_emplace(call->bind->id, static_cast<std::uint32_t>(slot.binds.size()));
  if (is_new) {
    std::string body = "{\"bind\":" + std::to_string(bind->second) + ",\"function\":";
    worker::append_json_string(body, call->bind->function);
    body += ",\"env\":" + call->bind->environment_json + "}";
    wire::append_frame(out, FrameType::bind, 0, 0, body);
  }
  call->head.bind = bind->second;
  wire::FrameReader early;
  early.feed(call->waiting);
  call->waiting.clear();
  bool first = true;
  while (const auto frame = early.next()) {
    std::string body(frame->body);
    if (first) {
      call->head.remaining_ms = call->deadline.remaining_ms();
      wire::write_call_head(body.data(), call->head);
    }
    first = false;
    wire::append_frame(out, frame->type, frame->flags, call->number, body);
  }
  slot.process->send(out);
}

void Scheduler::feed(const CallPtr& call, const Frame& frame) {
  if (call->state == Call::State::over) return;
  std::string out;
  wire::append_frame(out, frame.type, frame.flags, call->number, frame.body);
  if (call->state == Call::State::queued)
    call->waiting += out;
  else
    call->slot->process->send(out);
}

// Frames that were read before the sink had enough still come.
void Scheduler::tell(Slot& slot, const CallPtr& call, const Frame& frame) {
  CallSink* sink = call->sink;
  if (sink == nullptr || sink->frame(*call, frame) || slot.waits_for != nullptr) return;
  slot.waits_for = sink;
  slot.process->pause_reading(true);
}

void Scheduler::resume(const CallSink& sink) {
  for (Slot& slot : slots_) {
    if (slot.waits_for != &sink) continue;
    slot.waits_for = nullptr;
    slot.process->pause_reading(false);
  }
}

void Scheduler::from_worker(Slot& slot, const Frame& frame) {
  if (frame.type == FrameType::hello) return;
  if (frame.type == FrameType::error && frame.call == 0) {  // the plugin cannot be loaded; the worker ends
    slot.leaving = true;
    if (slot.current) finish(slot.current, {FrameType::error, 0, slot.current->number, frame.body});
    return;
  }
  if (frame.type == FrameType::bound) {
    if (slot.current) tell(slot, CallPtr(slot.current), frame);
    return;
  }
  // Only the call that runs can say something; anything else is the plugin scribbling, or late.
  if (!slot.current || frame.call != slot.current->number) return;
  if (!ends_call(frame)) return tell(slot, CallPtr(slot.current), frame);
  const CallPtr call = slot.current;
  slot.current = nullptr;
  if (slot.fresh) {
    slot.leaving = true;
    slot.process->close_input();
  }
  finish(call, frame);
  pump();
}

void Scheduler::worker_ended(Slot& slot, const WorkerEnd& end) {
  const CallPtr call = slot.current;
  if (call) {
    slot.current = nullptr;
    const bool begun = slot.process->page().begun.load() >= call->number;
    if (begun || call->wanted != Call::Wanted::yes)
      fail(call, end_error(*call, end, slot.process->crash()));
    else if (slot.leaving || slot.calls == 1)
      fail(call, load_error(*call, end, slot.process->crash()));
    else
      fail(
          call,
          Error(ErrorKind::lost, "the worker ended before the call began", "run it again").at_phase("queue"));
  }
  const auto self = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return &s == &slot; });
  // The process object is running this very function: let it go afterwards.
  boost::asio::post(loop_, [kept = slot.process] {});
  slots_.erase(self);
  pump();
}

void Scheduler::finish(const CallPtr& call, const Frame& last) {
  if (call->state == Call::State::over) return;
  call->state = Call::State::over;
  if (call->slot != nullptr && call->slot->current == call && !call->slot->leaving)
    call->slot->current = nullptr;
  ++calls_done_;
  CallSink* sink = std::exchange(call->sink, nullptr);
  if (sink != nullptr) sink->frame(*call, last);
  call->own_sink.reset();
}

void Scheduler::fail(const CallPtr& call, Error error) {
  finish(call, {FrameType::error, 0, call->number, worker::error_json(error)});
}

void Scheduler::cancel(const CallPtr& call) {
  if (call->state == Call::State::over || call->wanted != Call::Wanted::yes) return;
  call->wanted = Call::Wanted::cancelled;
  if (call->state == Call::State::queued) {
    fail(call, Error(ErrorKind::cancelled, "cancelled before it began").at_phase("queue"));
    queue_.erase(std::remove(queue_.begin(), queue_.end(), call), queue_.end());
    return pump();
  }
  call->slot->process->page().cancelled.store(call->number);
  std::string out;
  wire::append_frame(out, FrameType::cancel, 0, call->number, {});
  call->slot->process->send(out);
  call->deadline = call->deadline.earlier(Deadline::in(kCancelGrace));
  arm_timer();
}

void Scheduler::arm_timer() {
  auto next = Clock::time_point::max();
  for (const auto& call : queue_) next = std::min(next, call->deadline.at());
  for (const Slot& slot : slots_)
    if (slot.current) next = std::min(next, slot.current->deadline.at());
  if (next == Clock::time_point::max()) return;
  timer_.expires_at(next);
  timer_.async_wait([this](boost::system::error_code failed) {
    if (!failed) expire();
  });
}

void Scheduler::expire() {
  for (std::size_t i = 0; i < queue_.size();) {
    const CallPtr call = queue_[i];
    if (!call->deadline.passed()) {
      ++i;
      continue;
    }
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
    fail(call, Error(ErrorKind::timed_out, "the deadline passed while the call waited for a free slot")
                   .at_phase("queue"));
  }
  for (Slot& slot : slots_) {
    if (!slot.current || !slot.current->deadline.passed()) continue;
    if (slot.current->wanted == Call::Wanted::yes) slot.current->wanted = Call::Wanted::timed_out;
    slot.current->deadline = Deadline();  // once
    slot.waits_for = nullptr;
    slot.process->pause_reading(false);
    slot.process->kill();
  }
  arm_timer();
  pump();
}

void Scheduler::end_workers() {
  for (Slot& slot : slots_) slot.process->close_input();
}

}  // namespace flame::runner
