#include "client/map/mapper.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace flame::client {

Mapper::Mapper(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events)
    : pool_(pool),
      task_(task),
      settings_(settings),
      events_(events),
      encoder_(settings.from, task.fixed, settings.token),
      splitter_(settings.terminator, settings.from == ItemFormat::csv),
      window_(kWindowMaxCount, kWindowMaxBytes, settings.ordered),
      output_(settings.output_fd),
      as_input_(task.streaming && task.signature &&
                task.signature->parameters.size() <= encoder_.fixed_count()) {}

MapOutcome Mapper::run() {
  while (!over()) {
    now_ = Clock::now();
    feed();
    flush_runners();
    if (!output_.flush()) {
      end_ = MapEnd::reader_gone;
      break;
    }
    if (over()) break;
    wait();
  }
  return {end_, counts_};
}

bool Mapper::over() const {
  if (output_.pending() > 0 || in_flight_ > 0) return false;
  if (!feeding_) return true;
  return input_ended_ && splitter_.at_end() && window_.count() == 0;
}

void Mapper::wait() {
  std::vector<pollfd> waits;
  const bool input = wants_input(), full = output_.pending() >= kOutputMaxBytes;
  waits.push_back({input ? settings_.input_fd : -1, POLLIN, 0});
  // Asked for no event, poll still tells when the reader has gone.
  waits.push_back({output_.fd(), static_cast<short>(output_.pending() > 0 ? POLLOUT : 0), 0});
  waits.push_back({events_.interrupt_fd, POLLIN, 0});
  std::vector<MapRunner*> waiting;
  for (const auto& runner : runners_) {
    if (!runner) continue;
    // What waits for stdout's reader is enough: the runners wait too.
    short wanted = full ? short{0} : short{POLLIN};
    if (runner->link->queued_bytes() > 0) wanted = static_cast<short>(wanted | POLLOUT);
    waits.push_back({runner->link->fd(), wanted, 0});
    waiting.push_back(runner.get());
  }
  auto until = settings_.deadline.at();
  for (const MapRunner* runner : waiting)
    if (runner->paused_until > now_) until = std::min(until, runner->paused_until);
  const auto left = std::chrono::ceil<milliseconds>(until - now_).count();
  const bool forever = until == Clock::time_point::max();
  const int n = ::poll(waits.data(), waits.size(),
                       forever ? -1 : static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
  now_ = Clock::now();
  if (settings_.deadline.passed())
    throw Error(ErrorKind::timed_out,
                "the deadline passed after " + std::to_string(counts_.done + counts_.failed) + " items")
        .with_fate(Fate::timed_out);
  interrupted();
  if (n <= 0) return;
  if (waits[0].revents != 0) read_input();
  if ((waits[1].revents & POLLERR) != 0 && output_.pending() == 0) {
    end_ = MapEnd::reader_gone;  // nothing more is wanted: do not wait for the next result to find out
    feeding_ = false;
    cancel_all();
    for (auto& runner : runners_) runner.reset();
    in_flight_ = 0;
    return;
  }
  for (std::size_t i = 0; i < waiting.size(); ++i)
    if (waits[i + 3].revents != 0) receive(*waiting[i]);
}

void Mapper::interrupted() {
  const int now = events_.interrupts ? events_.interrupts() : 0;
  if (now == interrupts_) return;
  interrupts_ = now;
  end_ = MapEnd::interrupted;
  stop_feeding();
  if (interrupts_ > 1) cancel_all();
}

void Mapper::stop_feeding() {
  feeding_ = false;
  again_.clear();
  window_.drop_waiting();
  emit_ready();
}

void Mapper::cancel_all() {
  for (ItemIndex i = 0; i < window_.size(); ++i) {
    const Item& item = window_[i];
    if (item.state != Item::State::in_flight || !runners_[item.runner]) continue;
    wire::append_frame(runners_[item.runner]->pending, wire::FrameType::cancel, 0, i + 1, {});
  }
}

MapOutcome run_map(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events) {
  return Mapper(pool, task, settings, events).run();
}

}  // namespace flame::client
