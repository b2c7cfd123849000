// The detached calls of a runner, by their ids: within a size and for a time (wire/limits.hpp).
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "runner/held_call.hpp"
#include "runner/options.hpp"

namespace flame::runner {

class HeldCalls {
 public:
  HeldCalls(boost::asio::io_context& loop, const Options& options) : options_(options), timer_(loop) {}

  std::function<void(const CallPtr&)> on_cancel;                // wanted: ends in HeldCall::frame
  std::function<void(const Call&, const wire::Frame&)> on_end;  // of each, with its last frame
  std::function<void()> on_less;                                // one more was fetched, or dropped

  std::shared_ptr<HeldCall> find(std::uint64_t id) const;
  // From now on the call's frames come to what is kept of it. Throws Error(limit).
  void hold(const CallPtr& call, CallSink& sender);
  void refuse(std::uint64_t id);  // one that did not come
  void forget(std::uint64_t id);
  void let_go();  // nobody will come for any of them

  // Those that run, and those whose end nobody has fetched: the runner stays for them.
  std::size_t unfetched() const { return unfetched_; }
  std::size_t count() const { return calls_.size(); }
  std::size_t bytes() const { return bytes_; }

  // ---- For a held call ----
  bool has_room(std::size_t kept_bytes, std::size_t more_bytes);
  void grew(std::size_t bytes) { bytes_ += bytes; }
  void shrank(std::size_t bytes) { bytes_ -= bytes; }
  void ended(const std::shared_ptr<HeldCall>& held, const Call& call, const wire::Frame& last);
  void one_fetched();
  void cancel(const CallPtr& call) {
    if (call) on_cancel(call);
  }
  std::string limit_text() const;

 private:
  bool drop_a_fetched();
  void add(const std::shared_ptr<HeldCall>& held);
  void arm();

  const Options& options_;
  std::unordered_map<std::uint64_t, std::shared_ptr<HeldCall>> calls_;
  std::list<std::shared_ptr<HeldCall>> over_;  // the one that ended first in front
  std::size_t unfetched_ = 0, bytes_ = 0;
  bool gone_ = false;
  boost::asio::basic_waitable_timer<Clock> timer_;  // for the front of over_
};

}  // namespace flame::runner
