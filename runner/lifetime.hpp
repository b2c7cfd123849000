// When a runner leaves: idle with nothing in flight, told to, past its lifetime, or unreachable. What runs is
// finished first.
#pragma once
#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string_view>

#include "base/clock.hpp"
#include "runner/options.hpp"

namespace flame::runner {

class Lifetime {
 public:
  enum class State { serving, draining, leaving };

  // What the lifetime asks of the server, and orders it.
  class Duties {
   public:
    virtual bool in_flight() const = 0;
    virtual void begin_drain() = 0;  // take no more; nobody new should find us
    virtual void cut() = 0;          // what still runs is cancelled
    virtual void leave() = 0;        // close all; then the loop is stopped

   protected:
    ~Duties() = default;
  };

  Lifetime(boost::asio::io_context& loop, const Options& options, Duties& duties);
  void start();

  State state() const { return state_; }
  bool draining() const { return state_ != State::serving; }
  Clock::time_point started() const { return started_; }
  Clock::time_point active_since() const { return active_; }  // the last moment something came or ended

  void active() { active_ = Clock::now(); }
  void settle();  // nothing may be in flight any more: a draining runner leaves
  void drain(std::string_view reason);
  bool path_is_ours() const;  // the socket's path is still the one that we began with

 private:
  void set_state(State to, std::string_view reason);
  void await_signal();
  void await_idle();
  void await_max_lifetime();
  void watch_address();
  void check_address();
  void arm_drain_timeout();
  void end_now();

  boost::asio::io_context& loop_;
  const Options& options_;
  Duties& duties_;
  State state_ = State::serving;
  bool signalled_ = false;
  Clock::time_point started_ = Clock::now(), active_ = Clock::now();
  boost::asio::signal_set signals_;
  boost::asio::basic_waitable_timer<Clock> idle_, limit_;
  boost::asio::posix::stream_descriptor watch_;  // inotify: our socket's path
  dev_t device_ = 0;
  ino_t inode_ = 0;  // of our socket's path; 0: none
};

}  // namespace flame::runner
