// Which call runs where: slots, kept workers, the queue, deadlines, cancels. Knows nothing of sockets to
// clients.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runner/options.hpp"
#include "runner/plugin_source.hpp"
#include "runner/worker_process.hpp"

namespace flame::runner {

// A function of a plugin as a client named it.
struct Bind {
  std::uint64_t id = 0;  // unique in this runner
  std::string path, sha256, function, environment_json;
  bool fresh = false, phases = false;
};

struct Call;

// Who asked for a call: gets its frames, the last of which ends it (exactly once). A frame's call id is
// the worker's; the client's is call.id.
class CallSink {
 public:
  // False when it can take no more for now: the call's worker is not read until Scheduler::resume.
  virtual bool frame(Call& call, const wire::Frame& frame) = 0;

 protected:
  ~CallSink() = default;
};

// True for the frame that ends its call.
inline bool ends_call(const wire::Frame& frame) {
  return frame.type == wire::FrameType::error ||
         (frame.type == wire::FrameType::result && !frame.has(wire::flag::more));
}

// One execution of a function, from its arrival to its end.
struct Call {
  std::uint64_t id = 0;  // the client's, for the sink
  std::shared_ptr<const Bind> bind;
  CallSink* sink = nullptr;            // null: nobody listens any more; set so before the sink goes
  std::shared_ptr<CallSink> own_sink;  // a sink that lives as long as its call
  wire::CallHead head;
  Deadline deadline;
  std::string waiting;  // frames for the worker, head already rewritten; before it has one
  bool whole = false;   // the body has come completely
  Clock::time_point arrived = Clock::now(), fed{};
  // set by the scheduler
  enum class State { queued, fed, over } state = State::queued;
  enum class Wanted { yes, cancelled, timed_out } wanted = Wanted::yes;
  struct Slot* slot = nullptr;
  std::uint64_t number = 0;
};
using CallPtr = std::shared_ptr<Call>;

struct Slot {
  std::shared_ptr<WorkerProcess> process;
  std::string key;  // what it may run: plugin hash, and the bind for a fresh one
  CallPtr current;
  const CallSink* waits_for = nullptr;           // not read until this one can take more
  std::map<std::uint64_t, std::uint32_t> binds;  // our id → the worker's number
  std::uint64_t calls = 0;
  bool fresh = false, leaving = false;
};

class Scheduler {
 public:
  Scheduler(boost::asio::io_context& loop, const Options& options)
      : loop_(loop), options_(options), timer_(loop) {}

  // False when neither slot nor queue has room.
  bool submit(const CallPtr& call);
  // The next frame of a call's body or input (type call, input or end_input).
  void feed(const CallPtr& call, const wire::Frame& frame);
  void cancel(const CallPtr& call);
  // The sink can take frames again, or is about to go.
  void resume(const CallSink& sink);

  std::size_t busy() const;
  std::size_t queued() const { return queue_.size(); }
  std::size_t workers() const { return slots_.size(); }
  std::uint64_t calls_done() const { return calls_done_; }
  bool idle() const { return queue_.empty() && busy() == 0; }
  void on_idle(std::function<void()> told) { told_idle_ = std::move(told); }
  void end_workers();

 private:
  void pump();
  bool place(const CallPtr& call);
  Slot* start(const CallPtr& call, const std::string& key);
  void give(Slot& slot, const CallPtr& call);
  void tell(Slot& slot, const CallPtr& call, const wire::Frame& frame);
  void append_frame_for(Call& call, std::string& out, const wire::Frame& frame);
  void from_worker(Slot& slot, const wire::Frame& frame);
  void worker_ended(Slot& slot, const WorkerEnd& end);
  void finish(const CallPtr& call, const wire::Frame& last);
  void fail(const CallPtr& call, Error error);
  void arm_timer();
  void expire();

  boost::asio::io_context& loop_;
  const Options& options_;
  PluginSource source_;
  std::list<Slot> slots_;
  std::deque<CallPtr> queue_;
  boost::asio::steady_timer timer_;
  Clock::time_point timer_at_ = Clock::time_point::max();
  std::function<void()> told_idle_;
  std::uint64_t calls_done_ = 0;
};

}  // namespace flame::runner
