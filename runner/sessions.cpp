#include "runner/sessions.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "runner/log.hpp"
#include "runner/session.hpp"

namespace flame::runner {

namespace {

void remember(std::deque<std::string>& ids, const std::string& id) {
  ids.push_back(id);
  if (ids.size() > wire::kWaitingSessionMaxCount) ids.pop_front();
}

}  // namespace

struct Sessions::Named {
  std::shared_ptr<Session> session;
  boost::asio::basic_waitable_timer<Clock> timer;
  Clock::time_point since{};
  bool waiting = false;
};

Sessions::Sessions(boost::asio::io_context& loop, const Options& options) : loop_(loop), options_(options) {}
Sessions::~Sessions() = default;

bool Sessions::add(const std::string& id, const std::shared_ptr<Session>& session) {
  const auto [at, added] = named_.try_emplace(id);
  if (added) at->second.reset(new Named{session, decltype(Named::timer)(loop_)});
  return added;
}

std::shared_ptr<Session> Sessions::find(const std::string& id) const {
  const auto at = named_.find(id);
  return at == named_.end() ? nullptr : at->second->session;
}

void Sessions::wait(const std::string& id, std::string_view why) {
  const auto at = named_.find(id);
  if (at == named_.end()) return;
  Named& named = *at->second;
  named.waiting = true;
  named.since = Clock::now();
  if (++waiting_ > wire::kWaitingSessionMaxCount) return end(id, "too many wait");
  log(LogLevel::info, "session_waits",
      {{"calls", std::uint64_t{named.session->calls_in_flight()}}, {"why", why}});
  named.timer.expires_after(milliseconds(options_.link_grace_ms));
  named.timer.async_wait([this, id](boost::system::error_code failed) {
    if (!failed) end(id, "its client did not come back");
  });
}

void Sessions::wait_no_more(Named& named) {
  if (!named.waiting) return;
  named.waiting = false;
  named.timer.cancel();
  --waiting_;
}

void Sessions::resumed(const std::string& id) {
  const auto at = named_.find(id);
  if (at == named_.end()) return;
  Named& named = *at->second;
  log(LogLevel::info, "session_resumed",
      {{"calls", std::uint64_t{named.session->calls_in_flight()}},
       {"waited_ms", named.waiting ? ms_since(named.since) : 0}});
  wait_no_more(named);
  if (on_less) on_less();
}

void Sessions::end(const std::string& id, std::string_view why) {
  const auto at = named_.find(id);
  if (at == named_.end()) return;
  const auto gone = std::move(at->second);
  named_.erase(at);
  if (!gone->waiting) return;  // its link says how it ended
  remember(given_up_, id);
  log(LogLevel::info, "session_ended",
      {{"calls", std::uint64_t{gone->session->calls_in_flight()}}, {"why", why}});
  wait_no_more(*gone);
  gone->session.reset();  // cancels its calls
  if (on_less) on_less();
}

void Sessions::cut_short(const std::string& id) {
  const bool was = named_.contains(id) || std::count(given_up_.begin(), given_up_.end(), id) > 0;
  if (!was) remember(cut_short_, id);
}

bool Sessions::was_cut_short(const std::string& id) { return std::erase(cut_short_, id) > 0; }

bool Sessions::in_flight() const {
  return waiting_ > 0 && std::any_of(named_.begin(), named_.end(), [](const auto& one) {
           return one.second->waiting && one.second->session->in_flight();
         });
}

void Sessions::tell_draining() {
  for (const auto& [id, named] : named_)
    if (named->waiting) named->session->send(wire::FrameType::draining, 0, 0, {});
}

void Sessions::let_go() {
  std::vector<std::string> ids;
  for (const auto& [id, named] : named_)
    if (named->waiting) ids.push_back(id);
  for (const std::string& id : ids) end(id, "the runner does not wait any longer");
}

}  // namespace flame::runner
