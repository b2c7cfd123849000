// Sessions that have a name (PROTOCOL.md §10): found by those who make a lost link again, and kept for a
// grace time without one.
#pragma once
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "runner/options.hpp"

namespace flame::runner {

class Session;

class Sessions {
 public:
  Sessions(boost::asio::io_context& loop, const Options& options);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // False: the name is taken.
  bool add(const std::string& id, const std::shared_ptr<Session>& session);
  std::shared_ptr<Session> find(const std::string& id) const;

  void wait(const std::string& id, std::string_view why);  // its link was lost
  void resumed(const std::string& id);                     // it has another
  void end(const std::string& id, std::string_view why);   // nobody finds it any more

  // A link was lost between hello and auth: its client, who takes the session for begun, may take it up as
  // one of which nothing has come. Not a session that was, and was given up.
  void cut_short(const std::string& id);
  bool was_cut_short(const std::string& id);  // true once

  // One that waits has calls, or ends of calls that its client may not have.
  bool in_flight() const;
  void tell_draining();
  void let_go();  // of those that wait

  std::function<void()> on_less;  // one waits no more

 private:
  struct Named;
  using Map = std::map<std::string, std::unique_ptr<Named>>;
  void wait_no_more(Named& named);

  boost::asio::io_context& loop_;
  const Options& options_;
  Map named_;
  std::deque<std::string> cut_short_, given_up_;  // the latest
  std::size_t waiting_ = 0;
};

}  // namespace flame::runner
