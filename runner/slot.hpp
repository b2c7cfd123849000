// One worker and the calls that it was given: their numbers, what has begun, what came back, and what
// becomes of them when it ends.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "runner/call.hpp"
#include "runner/feeding.hpp"
#include "runner/worker_port.hpp"

namespace flame::runner {

class Slot final : public WorkerPort::Listener {
 public:
  // What a slot asks of its scheduler.
  class Owner {
   public:
    virtual void finish(const CallPtr& call, const wire::Frame& last) = 0;
    virtual void fail(const CallPtr& call, Error error) = 0;
    virtual void give_back(std::vector<CallPtr> calls) = 0;  // never begun, in order: for another worker
    virtual void progressed(Slot& slot) = 0;                 // some calls were answered
    virtual void gone(Slot& slot, WorkerCause why) = 0;      // destroys it

   protected:
    ~Owner() = default;
  };

  struct Limits {
    std::uint64_t memory_bytes = 0, calls = 0;  // of one worker; 0: none
  };

  Slot(Owner& owner, std::shared_ptr<Group> group, const Limits& limits)
      : owner_(owner), group_(std::move(group)), limits_(limits) {}
  void run(std::shared_ptr<WorkerPort> worker) { worker_ = std::move(worker); }

  Group* group() const { return group_.get(); }
  bool empty() const { return fed_.empty(); }
  bool used() const { return first_ > 1; }
  bool worn_out() const;  // should be replaced before its next call
  // Looked at when it has been silent for a moment: an answer may be held behind a call that is long. One
  // that has only long ones holds none.
  bool may_hold() const { return fed_.size() > 1 && backlog_.expected_us <= kAheadTarget_us; }
  void take_held();
  // Ends the call whose worker has too much memory. True: it comes near, and must be looked at often.
  bool look_at_memory();
  bool leaving() const { return leaving_ || worker_->ending(); }
  double expected_us() const { return backlog_.expected_us; }
  std::size_t calls() const { return fed_.size() - withdrawn_; }
  double run_us() const;  // what the call that it is at may take; 0: that is not known, or there is none
  const std::shared_ptr<WorkerPort>& worker() const { return worker_; }

  bool takes(const Call& call) const;
  void give(const CallPtr& call);
  void pass(const CallPtr& call, const wire::Frame& frame);  // more of its body or input
  void cancel(const CallPtr& call);
  void take_out(const CallPtr& call);  // cancels it if it stands behind another and surely has not begun
  void expire(Clock::time_point now);
  Clock::time_point next_deadline() const;
  // Calls that had not begun and now never will here, from the newest back; at most `most`.
  std::vector<CallPtr> take_back(std::size_t most);
  void leave();  // ends in good order; takes no more
  void resume(const CallSink& sink);
  void add_calls(std::vector<CallPtr>& out) const;
  bool has_begun(const Call& call) const { return worker_->page().begun.load() >= call.number; }

  Group* wanted_for = nullptr;  // is fed no more, so that this group gets a place

 private:
  struct Fed {
    CallPtr call;  // null: withdrawn
    double expected_us;
    std::size_t bytes;
    bool marked = false;  // its withdrawn bit is set
  };
  struct Passing {  // a frame on its way to the worker
    std::uint64_t position;
    std::size_t body_bytes;
  };
  struct Bound {
    std::string identity;  // function, options, environment
    std::shared_ptr<Function> function;
  };

  // WorkerPort::Listener
  void frame(const wire::Frame& frame) override;
  void frames_over() override;
  void printed(std::uint64_t number, std::string_view text) override;
  void passed(std::uint64_t position) override;
  void ended(const WorkerEnd& end) override;

  std::uint32_t bind(const Bind& bind);
  void send_waiting(Call& call, std::uint32_t bind);
  void bound(const wire::Frame& frame);
  void not_loaded(const wire::Frame& frame);
  void tell(const CallPtr& call, const wire::Frame& frame);
  void tell_usage(const CallPtr& call, const wire::Frame& frame);
  void tell_last_usage(const CallPtr& call, const WorkerEnd& end);
  void call_withdrawn();
  void pop();
  bool withdraw(std::size_t index);
  void stop(const CallPtr& call);
  void kill(WorkerCause why);
  WorkerCause cause(const WorkerEnd& end, bool begun) const;
  void end_front(const CallPtr& call, const WorkerEnd& end);
  void measure(Clock::time_point now);

  Owner& owner_;
  std::shared_ptr<Group> group_;
  Limits limits_;
  std::shared_ptr<WorkerPort> worker_;
  std::deque<Fed> fed_;
  std::uint64_t first_ = 1;  // number of fed_.front(): the next to be answered
  std::size_t withdrawn_ = 0;
  Backlog backlog_;
  std::deque<Passing> passing_;  // of the exclusive call
  std::vector<Bound> binds_;     // by the worker's number
  std::uint32_t next_bind_ = 0, last_number_ = 0;
  std::uint64_t last_bind_ = 0;  // id of the bind that was used last, and its number above
  const CallSink* waits_for_ = nullptr;
  std::size_t answered_ = 0;  // in the frames that came together
  std::shared_ptr<Function> answered_function_;
  Clock::time_point mark_{};  // since when the worker has been at its first call
  Clock::time_point loaded_{};
  Deadline leave_by_;               // then it is killed
  bool ready_ = false;              // its hello has come
  bool load_told_ = false;          // it said why it cannot load the plugin
  std::uint64_t memory_bytes_ = 0;  // when it was last looked at
  std::optional<WorkerCause> killed_for_;
  bool exclusive_ = false;  // nothing is fed behind the call that it has
  bool leaving_ = false;
};

}  // namespace flame::runner
