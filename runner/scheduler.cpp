#include "runner/scheduler.hpp"

#include <algorithm>
#include <utility>

#include "runner/fates.hpp"
#include "runner/kernel_memory.hpp"
#include "runner/plugin_source.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker_process.hpp"

namespace flame::runner {
namespace {

using wire::Frame;
using wire::FrameType;

constexpr std::size_t kGroupsSweepCount = 64;
constexpr milliseconds kMemoryStep{20};  // between looks at the memory of workers that have little
constexpr milliseconds kSilence{1};      // after which answers may be held back, or memory be near its limit
constexpr milliseconds kTimerStep{1};    // deadlines that lie closer together share a look

StartWorker real_workers(boost::asio::io_context& loop, const Options& options, PluginSource& plugins) {
  return [&loop, &options, &plugins](const Bind& bind, WorkerPort::Listener& listener) {
    const PluginFile file = plugins.open(request_of(bind));
    return WorkerProcess::start(loop, options, file, listener);
  };
}

// What is left over is for the runner and the system.
std::uint64_t memory_share_bytes(unsigned slots) {
  return usable_memory_bytes() / 10 * 9 / std::max(1U, slots);
}

}  // namespace

Scheduler::Scheduler(boost::asio::io_context& loop, const Options& options, PluginSource& plugins)
    : Scheduler(loop, options, real_workers(loop, options, plugins)) {}

Scheduler::Scheduler(boost::asio::io_context& loop, const Options& options, StartWorker start)
    : loop_(loop),
      options_(options),
      start_(std::move(start)),
      deadlines_(loop, [this] { expire(); }),
      tick_(loop) {
  limits_ = {options.worker_memory_bytes, options.worker_max_calls};
  if (limits_.memory_bytes == 0) limits_.memory_bytes = memory_share_bytes(options.slots);
}

std::size_t Scheduler::busy() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.empty(); }));
}

std::size_t Scheduler::queued() const {
  std::size_t count = queued_;
  for (const Slot& slot : slots_) count += std::max<std::size_t>(slot.calls(), 1) - 1;
  return count;
}

double Scheduler::mean_run_us() const {
  double sum = 0;
  int known = 0;
  for (const Slot& slot : slots_)
    if (const double run = slot.run_us(); run > 0) sum += run, ++known;
  return known == 0 ? 0 : sum / known;
}

void Scheduler::resolve(const Bind& bind) {
  if (bind.group) return;
  std::string key = request_key(request_of(bind)) + (bind.fresh ? "\nfresh" : "");
  // Whoever names no bytes wants what is there now, not what a kept worker loaded.
  if (bind.sha256.empty()) key += "\n" + file_version(bind.path);
  if (groups_.size() > kGroupsSweepCount)
    std::erase_if(groups_, [](const auto& at) { return at.second.expired(); });
  std::weak_ptr<Group>& known = groups_[key];
  bind.group = known.lock();
  if (!bind.group) {
    bind.group = std::make_shared<Group>();
    bind.group->path = bind.path;
    bind.group->sha256 = bind.sha256;
    bind.group->fresh = bind.fresh;
    known = bind.group;
  }
  std::shared_ptr<Function>& function = bind.group->functions[bind.function];
  if (!function) function = std::make_shared<Function>();
  bind.known = function;
}

// A call that waits holds its bind, which holds the group that holds the call.
Scheduler::~Scheduler() {
  for (const auto& [key, weak] : groups_)
    if (const auto group = weak.lock()) group->queue.clear();
}

bool Scheduler::submit(const CallPtr& call) {
  if (queued_ >= wire::kQueueMaxCount) return false;
  resolve(*call->bind);
  if (!call->deadline.unlimited() || call->bind->usage) call->arrived = Clock::now();
  call->in_pieces =
      (static_cast<unsigned char>(call->waiting[5]) & wire::flag::more) != 0;  // flags of its first frame
  Group& group = *call->bind->group;
  group.queue.push_back(call);
  ++queued_;
  if (!call->deadline.unlimited()) deadlines_.watch(call->deadline.at());
  if (call->bind->phases && call->sink != nullptr) call->sink->frame(*call, {FrameType::accepted, 0, 0, {}});
  pump(group);
  return true;
}

// How long until the queue may have moved on: what stands in it, at the mean of its functions.
std::uint64_t Scheduler::retry_after_ms() const {
  double work_us = 0;
  for (const auto& [key, weak] : groups_)
    if (const auto group = weak.lock())
      for (const CallPtr& call : group->queue) work_us += call->bind->known->mean_us;
  const double wait_ms = work_us / 1000 / std::max(1U, options_.slots) / 4;
  return static_cast<std::uint64_t>(std::clamp(wait_ms, 5.0, 5000.0));
}

// Drops calls that ended while they waited; true when one is left.
bool Scheduler::skip_over(Group& group) {
  while (!group.queue.empty() && group.queue.front()->state == Call::State::over) group.queue.pop_front();
  return !group.queue.empty();
}

void Scheduler::progressed(Slot& slot) {
  if (slot.leaving()) return;
  fill(slot);
  if (!slot.empty()) return arm_tick_for(slot);
  if (slot.wanted_for != nullptr || slot.group()->fresh || slot.worn_out())
    leave(slot, slot.wanted_for);
  else if (Group* group = queued_ > 0 ? waiting() : nullptr; group != nullptr)
    leave(slot, group);
  else
    steal_for(slot);
  check_idle();
}

void Scheduler::gone(Slot& slot, WorkerCause why) {
  ++counts_.ended[static_cast<std::size_t>(why)];
  // The worker is running this very function: let it go afterwards.
  boost::asio::post(loop_, [kept = slot.worker()] {});
  for (Slot& other : slots_)
    if (other.wanted_for == slot.wanted_for && !other.leaving()) other.wanted_for = nullptr;
  slots_.erase(std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return &s == &slot; }));
  pump_all();
  check_idle();
}

void Scheduler::give_back(std::vector<CallPtr> calls) {
  for (auto at = calls.rbegin(); at != calls.rend(); ++at) {
    const CallPtr& call = *at;
    call->state = Call::State::queued;
    call->slot = nullptr;
    call->bind->group->queue.push_front(call);
    ++queued_;
  }
}

void Scheduler::feed(const CallPtr& call, const Frame& frame) {
  if (call->state == Call::State::queued)
    wire::append_frame(call->waiting, frame.type, frame.flags, call->number, frame.body);
  else if (call->state == Call::State::fed)
    call->slot->pass(call, frame);
}

void Scheduler::cancel(const CallPtr& call) {
  if (call->state == Call::State::over || call->wanted != Call::Wanted::yes) return;
  call->wanted = Call::Wanted::cancelled;
  if (call->state == Call::State::queued) {
    fail(call, given_up(*call, "queue"));
  } else {
    call->slot->cancel(call);
    if (!call->deadline.unlimited()) deadlines_.watch(call->deadline.at());
  }
  check_idle();
}

void Scheduler::withdraw(const CallPtr& call) {
  if (call->state == Call::State::queued) return cancel(call);
  if (call->state == Call::State::fed && call->wanted == Call::Wanted::yes) call->slot->take_out(call);
}

std::vector<CallPtr> Scheduler::calls() const {
  std::vector<CallPtr> out;
  for (const auto& [key, weak] : groups_)
    if (const auto group = weak.lock()) out.insert(out.end(), group->queue.begin(), group->queue.end());
  for (const Slot& slot : slots_) slot.add_calls(out);
  return out;
}

void Scheduler::cancel_all() {
  for (const CallPtr& call : calls()) cancel(call);
}

void Scheduler::resume(const CallSink& sink) {
  for (Slot& slot : slots_) slot.resume(sink);
}

void Scheduler::finish(const CallPtr& call, const Frame& last) {
  if (call->state == Call::State::over) return;
  if (call->state == Call::State::queued) --queued_;  // its place in the queue is skipped in its turn
  call->state = Call::State::over;
  call->slot = nullptr;
  ++calls_done_;
  CallSink* sink = std::exchange(call->sink, nullptr);
  if (sink != nullptr) sink->frame(*call, last);
  call->own_sink.reset();
}

void Scheduler::fail(const CallPtr& call, Error error) {
  finish(call, {FrameType::error, 0, call->number, worker::error_json(error)});
}

void Scheduler::check_idle() {
  if (idle() && told_idle_) told_idle_();
}

void Scheduler::arm_tick_for(const Slot& slot) { arm_tick(slot.may_hold() ? Tick::soon : Tick::late); }

// Looks at the workers that have calls, now and then, and soon after one of them said something or got one;
// rests while there are none.
void Scheduler::arm_tick(Tick when) {
  if (ticking_ >= when) return;
  ticking_ = when;
  tick_.expires_after(when == Tick::soon ? kSilence : kMemoryStep);
  tick_.async_wait([this](boost::system::error_code failed) {
    if (failed) return;
    ticking_ = Tick::none;
    tick();
    if (busy() > 0) arm_tick(near_limit_ ? Tick::soon : Tick::late);
  });
}

void Scheduler::tick() {
  for (Slot& slot : slots_) slot.take_held();
  const auto now = Clock::now();
  if (near_limit_ || now - looked_at_memory_ >= kMemoryStep) {
    looked_at_memory_ = now;
    near_limit_ = false;
    for (Slot& slot : slots_) near_limit_ = slot.look_at_memory() || near_limit_;
  }
  pump_all();
}

void Scheduler::expire() {
  const auto now = Clock::now();
  auto next = Clock::time_point::max();
  for (const auto& [key, weak] : groups_) {
    const auto group = weak.lock();
    if (!group) continue;
    for (const CallPtr& call : std::vector<CallPtr>(group->queue.begin(), group->queue.end())) {
      if (call->state != Call::State::queued) continue;
      if (call->deadline.at() > now) {
        next = std::min(next, call->deadline.at());
        continue;
      }
      call->wanted = Call::Wanted::timed_out;
      fail(call, given_up(*call, "queue"));
    }
  }
  for (Slot& slot : slots_) slot.expire(now);
  pump_all();
  for (const Slot& slot : slots_) next = std::min(next, slot.next_deadline());
  if (next != Clock::time_point::max()) deadlines_.watch(std::max(next, now + kTimerStep));
  check_idle();
}

void Scheduler::end_workers() {
  for (Slot& slot : slots_) leave(slot, nullptr);
}

}  // namespace flame::runner
