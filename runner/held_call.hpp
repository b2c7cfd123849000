// One detached call: it goes on without its client, and what it says is kept until it was fetched.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "base/error.hpp"
#include "runner/call.hpp"

namespace flame::runner {

class HeldCalls;

class HeldCall final : public CallSink, public std::enable_shared_from_this<HeldCall> {
 public:
  // Who waits for its end. Leaves before it goes.
  class Waiter {
   public:
    virtual void is_over(const std::shared_ptr<HeldCall>& call) = 0;

   protected:
    ~Waiter() = default;
  };

  // sender: the link that sends it, until all has come. It gets `accepted` then, or the error of a call that
  // never began: such a one is not kept.
  HeldCall(HeldCalls& owner, const CallPtr& call, CallSink& sender);
  HeldCall(HeldCalls& owner, std::uint64_t id);  // one that never comes: whoever sends it now is refused

  bool frame(Call& call, const wire::Frame& frame) override;
  void all_came();
  void sender_gone();  // before all came: nobody knows its id
  void cancel();

  std::uint64_t id() const { return id_; }
  bool is_whole() const { return whole_; }  // all of it has come, or it ended while it came
  bool is_over() const { return over_; }
  bool is_fetched() const { return fetched_; }
  void fetched();                                        // its client has it: the runner need not stay for it
  const std::string& frames() const { return frames_; }  // its words, the last of which ended it
  Clock::time_point ended() const { return ended_; }
  std::string state_json() const;  // the body of `held`

  void add(Waiter& waiter) { waiters_.insert(&waiter); }
  void remove(Waiter& waiter) { waiters_.erase(&waiter); }

 private:
  void keep(const wire::Frame& frame);
  void keep_log(const wire::Frame& frame);
  void append(const wire::Frame& frame, std::string_view body);
  void too_large(const wire::Frame& frame);
  void end(Call& call, const wire::Frame& last);

  HeldCalls& owner_;
  const std::uint64_t id_;
  std::weak_ptr<Call> call_;
  CallSink* sender_ = nullptr;
  std::set<Waiter*> waiters_;
  std::string frames_;
  std::size_t result_at_ = std::string::npos;  // where in frames_ the result begins
  std::size_t log_bytes_ = 0;
  std::uint64_t output_bytes_ = 0;  // kept
  bool cut_ = false;                // something was too large to be kept
  bool begun_ = false, whole_ = false, over_ = false, fetched_ = false;
  std::string outcome_;  // "done", or the kind of its error
  Clock::time_point arrived_ = Clock::now(), ended_{};
};

}  // namespace flame::runner
