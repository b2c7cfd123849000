// Fly's limits, kept before they are met: one request a second for each action and app, three at once; ten
// and five a second for looking at one machine. What concerns a whole app is shared by all processes of one
// user through a small file; what concerns one machine is this process's own.
// Source: Fly's documentation, "Working with the Machines API", read in autumn 2026.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace flame::backend::fly {

struct Rate {
  std::int64_t interval_ms = 1000;  // between requests in the long run
  std::int64_t burst = 3;           // at once after a pause
};

// When the next request may go, by the generic cell rate algorithm. full_at_ms: state, kept by the caller
// (when the budget will be whole again); returns the milliseconds to wait and books the request.
std::int64_t book(std::int64_t& full_at_ms, std::int64_t now_ms, const Rate& rate);

class Pacing {
 public:
  // directory: the user's runtime directory.
  explicit Pacing(std::string directory) : directory_(std::move(directory)) {}

  // Sleeps until a request of this action for this app or machine may go. Throws Error(timed_out).
  void wait_for_app(const std::string& action, const std::string& app, Deadline deadline);
  void wait_for_machine(const std::string& action, const std::string& machine, Deadline deadline);
  // The API said 429: whoever spent the budget, it is empty now.
  void spent(const std::string& action, const std::string& app_or_machine, bool of_app);

 private:
  std::int64_t book_shared(const std::string& key, const Rate& rate, bool empty);
  std::string directory_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> own_;  // under mutex_
};

}  // namespace flame::backend::fly
