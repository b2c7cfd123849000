// What every link and every HTTP exchange of this process shares.
#pragma once
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/error.hpp"
#include "runner/arrivals.hpp"
#include "runner/call_times.hpp"
#include "runner/held_calls.hpp"
#include "runner/lifetime.hpp"
#include "runner/options.hpp"
#include "runner/patience.hpp"
#include "runner/plugin_source.hpp"
#include "runner/scheduler.hpp"
#include "runner/sessions.hpp"
#include "wire/proof.hpp"

namespace flame::runner {

using Socket = boost::asio::generic::stream_protocol::socket;  // one type for TCP and Unix sockets

// An accepted connection.
struct Peer {
  Socket socket;
  bool tcp = false;  // it must prove that it holds the token; on a Unix socket its uid was enough
  std::string name;  // for the log: "unix" or "127.0.0.1:5555"
  std::shared_ptr<void> counted;  // released when the connection is gone
};

// A link as the runner's end sees it.
class OpenLink {
 public:
  virtual void tell_draining() = 0;
  virtual void leave() = 0;  // closes it once all is written

 protected:
  ~OpenLink() = default;
};

struct Counters {
  std::array<std::uint64_t, static_cast<std::size_t>(ErrorKind::internal) + 1> failed{};  // by ErrorKind
  std::uint64_t done = 0, abandoned = 0, busy = 0, http_requests = 0, links = 0, refused = 0;
};

class Runner {
 public:
  Runner(boost::asio::io_context& loop_in, const Options& options_in, std::string token_in,
         Lifetime::Duties& duties)
      : loop(loop_in),
        options(options_in),
        token(std::move(token_in)),
        patience(loop_in),
        plugins(options_in),
        held(loop_in, options_in),
        scheduler(loop_in, options_in, plugins),
        lifetime(loop_in, options_in, duties),
        sessions(loop_in, options_in) {
    held.on_cancel = [this](const CallPtr& call) { scheduler.cancel(call); };
    held.on_end = [this](const Call& call, const wire::Frame& last) { count_end(call, last); };
  }

  boost::asio::io_context& loop;
  const Options& options;
  const std::string token;  // empty: none, and no TCP
  Patience patience;        // outlives the connections
  PluginSource plugins;
  HeldCalls held;  // outlives its calls
  Scheduler scheduler;
  Lifetime lifetime;
  Sessions sessions;
  Counters counters;
  CallTimes call_times;
  std::set<OpenLink*> links;
  Arrivals arrivals;
  std::function<void()> on_link_end;
  Clock::time_point idle_since = Clock::now();  // the end of the last call
  std::uint64_t idle_ms() const;                // 0 while calls are in flight
  std::size_t exchanges = 0;                    // HTTP requests that are being answered
  std::size_t connections = 0;                  // all that are open

  std::uint64_t next_bind() { return ++binds_; }
  // Hands a call to the scheduler. Throws Error(draining) or Error(busy): the call was not taken.
  void submit(const CallPtr& call);
  void count_end(const Call& call, const wire::Frame& last);
  // The members of hello, without its braces and nonces (PROTOCOL.md §4).
  std::string hello_members() const;

 private:
  std::uint64_t binds_ = 0;
};

}  // namespace flame::runner
