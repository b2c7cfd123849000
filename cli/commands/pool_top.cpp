#include "cli/commands/pool_top.hpp"

#include <poll.h>

#include <boost/json.hpp>
#include <chrono>

#include "base/error.hpp"
#include "cli/commands/pool_view.hpp"
#include "cli/ui/live_screen.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/config/config.hpp"
#include "client/pool/keeper.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
constexpr milliseconds kFrameEvery{1'000}, kOncePatience{2'000};

void wait(const client::Keeper& keeper, int key_fd, Clock::time_point until) {
  std::vector<pollfd> waits = {{stop_wake_fd(), POLLIN, 0}, {key_fd, POLLIN, 0}};
  keeper.append_waits(waits);
  const auto left = std::min(keeper.wake_at(), until) - Clock::now();
  ::poll(waits.data(), waits.size(), Deadline::in(std::chrono::ceil<milliseconds>(left)).poll_timeout_ms());
}

void check(const client::Keeper& keeper) {
  if (keeper.fatal()) throw Error(*keeper.fatal());
}

// Until everybody has answered, or has had the time to.
void look_once(client::Keeper& keeper, Deadline deadline) {
  Clock::time_point until = Clock::time_point::max();
  while (!stop_asked()) {
    keeper.step();
    check(keeper);
    const auto now = Clock::now();
    if (keeper.looked() && until == Clock::time_point::max()) until = now + kOncePatience;
    if (!keeper.looked() && !keeper.trouble().empty())
      throw Error(ErrorKind::unreachable, keeper.trouble(), "see 'flame pool status'");
    if (deadline.passed()) throw Error(ErrorKind::timed_out, "the deadline passed before the pool was seen");
    if (keeper.looked() && (now >= until || keeper.all_heard())) return;
    wait(keeper, -1, std::min(until, deadline.at()));
  }
}

int live(client::Keeper& keeper) {
  LiveScreen screen;
  Clock::time_point due{};
  while (!stop_asked()) {
    keeper.step();
    check(keeper);
    if (screen.key_pressed('q')) break;
    if (const auto now = Clock::now(); screen.resized() || now >= due) {
      screen.draw(view_lines(pool_view(keeper)));
      due = now + (keeper.looked() ? kFrameEvery : kFrameEvery / 10);
    }
    wait(keeper, screen.key_fd(), due);
  }
  return 0;
}

}  // namespace

int watch_pool(const PoolOptions& options) {
  catch_stop_signals(Deadline());
  client::KeepCounters counters;
  client::Keeper keeper(pool_settings(options), {.only_looks = true}, counters);
  if (!options.once && !options.json && can_draw_live()) return live(keeper);
  look_once(keeper, options.deadline);
  if (stop_asked()) die_of_stop_signal();
  const json::object view = pool_view(keeper);
  if (options.json) {
    print(json::serialize(view) + "\n");
  } else {
    std::string text;
    for (const std::string& line : view_lines(view)) text += line + "\n";
    print(text);
  }
  return 0;
}

}  // namespace flame::cli
