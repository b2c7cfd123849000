// Which call runs where and when: slots, kept workers, the queues, deadlines. Knows nothing of sockets to
// clients.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "runner/call.hpp"
#include "runner/earliest_timer.hpp"
#include "runner/options.hpp"
#include "runner/slot.hpp"
#include "runner/worker_port.hpp"

namespace flame::runner {

class PluginSource;

// The calls of one plugin that wait, and what is known of its functions. Lives as long as a bind or a
// worker refers to it.
struct Group {
  std::string path, sha256;
  bool fresh = false;         // each call gets a worker of its own
  std::deque<CallPtr> queue;  // in order of arrival; those that are over are skipped
  std::map<std::string, std::shared_ptr<Function>> functions;
};

class Scheduler final : private Slot::Owner {
 public:
  Scheduler(boost::asio::io_context& loop, const Options& options, PluginSource& plugins);
  Scheduler(boost::asio::io_context& loop, const Options& options, StartWorker start);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // False when neither slot nor queue has room; retry_after_ms then says how long one may wait.
  bool submit(const CallPtr& call);
  // The next frame of a call's body or input (type call, input or end_input).
  void feed(const CallPtr& call, const wire::Frame& frame);
  void cancel(const CallPtr& call);
  void withdraw(const CallPtr& call);  // cancels it if it waits behind others
  // The sink can take frames again, or is about to go.
  void resume(const CallSink& sink);
  void cancel_all();
  std::vector<CallPtr> calls() const;  // all that are not over, in no order

  std::size_t busy() const;
  std::size_t queued() const;  // also those that stand behind another in a worker
  double mean_run_us() const;  // of the calls that run now, as far as it is known: else 0
  std::size_t workers() const { return slots_.size(); }
  std::uint64_t calls_done() const { return calls_done_; }
  std::uint64_t retry_after_ms() const;
  bool idle() const { return queued_ == 0 && busy() == 0; }
  void on_idle(std::function<void()> told) { told_idle_ = std::move(told); }
  void end_workers();

  struct WorkerCounts {
    std::uint64_t started = 0;
    std::array<std::uint64_t, kWorkerCauseCount> ended{};  // by WorkerCause
  };
  const WorkerCounts& worker_counts() const { return counts_; }

 private:
  // Slot::Owner
  void finish(const CallPtr& call, const wire::Frame& last) override;
  void fail(const CallPtr& call, Error error) override;
  void give_back(std::vector<CallPtr> calls) override;
  void progressed(Slot& slot) override;
  void gone(Slot& slot, WorkerCause why) override;

  void resolve(const Bind& bind);
  void pump(Group& group);
  void pump_all();
  void fill(Slot& slot);
  void give_next(Slot& slot);
  bool skip_over(Group& group);
  Slot* place_for(Group& group, const Call& call);
  Slot* start(const CallPtr& call);
  void want_place(Group& group);
  void leave(Slot& slot, Group* for_whom);
  Group* waiting() const;
  void steal_for(Slot& slot);
  void check_idle();
  enum class Tick : std::uint8_t { none, late, soon };
  void arm_tick(Tick when);
  void arm_tick_for(const Slot& slot);  // it got a call, or said something
  void tick();
  void expire();

  boost::asio::io_context& loop_;
  const Options& options_;
  StartWorker start_;
  std::list<Slot> slots_;
  std::map<std::string, std::weak_ptr<Group>> groups_;
  std::size_t queued_ = 0;
  EarliestTimer deadlines_;
  boost::asio::basic_waitable_timer<Clock> tick_;
  Tick ticking_ = Tick::none;
  bool near_limit_ = false;  // a worker's memory, when it was last looked at
  Clock::time_point looked_at_memory_{};
  WorkerCounts counts_;
  Slot::Limits limits_;
  std::function<void()> told_idle_;
  std::uint64_t calls_done_ = 0;
};

}  // namespace flame::runner
