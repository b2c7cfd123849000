#include "client/map/mapper.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace flame::client {
namespace {

constexpr std::size_t kFixedWaits = 3;     // input, output, interrupts; then the runners, then the fleet's
constexpr milliseconds kLastWords{1'000};  // for results that are out but for their reader

std::uint64_t bytes_of_file(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  return at < 0 || at >= status.st_size ? 0 : static_cast<std::uint64_t>(status.st_size - at);
}

}  // namespace

Mapper::Mapper(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events)
    : pool_(pool),
      task_(task),
      settings_(settings),
      events_(events),
      encoder_(settings.from, task.fixed, settings.token),
      splitter_(settings.terminator, settings.from == ItemFormat::csv),
      window_(kWindowMaxCount, kWindowMaxBytes, settings.ordered),
      output_(settings.output_fd),
      fleet_(pool, settings.deadline),
      hasher_(task.sha256, task.function, encoder_.identity()),
      random_(std::random_device{}()),
      as_input_(task.streaming && task.signature &&
                task.signature->parameters.size() <= encoder_.fixed_count()),
      input_left_bytes_(bytes_of_file(settings.input_fd)) {
  using Seconds = std::chrono::duration<double>;
  unix_minus_steady_ = Seconds(std::chrono::system_clock::now().time_since_epoch()).count() -
                       Seconds(now_.time_since_epoch()).count();
  if (settings.resume || settings.retry_failed) history_.emplace();
  if (!settings.joblog.empty()) log_.emplace(settings.joblog, history_ ? &*history_ : nullptr);
  // A run that was killed in the middle of a write left half a line, which is not logged.
  const char end = settings.to == ResultFormat::records ? '\n' : settings.terminator;
  if (history_ && output_.continues_line(end)) output_.buffer() += end;
  if (!settings.results_dir.empty()) results_.emplace(settings.results_dir);
  if (!settings.trace.empty()) trace_.emplace(settings.trace);
  ladder_ = settings.ladder;
}

MapOutcome Mapper::run() {
  try {
    loop();
    if (log_) log_->flush(output_.written());  // an item without output may have been the last to end
  } catch (Error& error) {
    // What is out is shown and logged, whatever ended the rest.
    const Deadline patience = Deadline::in(kLastWords);
    try {
      while (write_out() && output_.pending() > 0 && !patience.passed()) {
        pollfd room = {output_.fd(), POLLOUT, 0};
        ::poll(&room, 1, patience.poll_timeout_ms());
      }
    } catch (const Error&) {  // the first error is the one to tell
    }
    finish();
    throw;
  }
  finish();
  return {end_, counts_, statistics_};
}

void Mapper::loop() {
  while (!over()) {
    now_ = Clock::now();
    feed();
    grow();
    if (std::exchange(added_, false)) feed();
    flush_runners();
    if (!write_out()) return reader_gone();
    tell_progress(false);
    if (over()) return;
    wait();
    if (end_ != MapEnd::halted || !feeding_) continue;
    stop_feeding();
    if (settings_.halt.when == HaltPolicy::When::now) cancel_all();
  }
}

// False: the reader has gone.
bool Mapper::write_out() {
  if (events_.before_output && output_.pending() > 0) events_.before_output();
  const bool there = output_.flush();
  if (log_) log_->flush(output_.written());
  return there;
}

bool Mapper::over() const {
  if (output_.pending() > 0 || in_flight_ > 0) return false;
  if (!feeding_) return true;
  return input_ended_ && splitter_.at_end() && window_.count() == 0;
}

Clock::time_point Mapper::wake_at() const {
  auto at = std::min(settings_.deadline.at(), fleet_.wake_at());
  each_runner([&](const MapRunner& runner) {
    if (runner.paused_until > now_) at = std::min(at, runner.paused_until);
    at = std::min(at, runner.link->wake_at());
  });
  for (const auto& rung : rungs_) {
    at = std::min(at, rung->fleet.wake_at());
    if (!rung->waiting.empty()) at = std::min(at, now_ + milliseconds(20));
  }
  if (!later_.empty()) at = std::min(at, later_.begin()->first);
  if (events_.on_progress) at = std::min(at, told_at_ + events_.progress_every);
  if (work_ && feeding_ && (!somebody_serves() || crowded_)) at = std::min(at, now_ + milliseconds(20));
  return at;
}

void Mapper::wait() {
  waits_.clear();
  waiting_.clear();
  const bool full = output_.pending() >= kOutputMaxBytes;
  waits_.push_back({wants_input() ? settings_.input_fd : -1, POLLIN, 0});
  // Asked for no event, poll still tells when the reader has gone.
  waits_.push_back({output_.fd(), static_cast<short>(output_.pending() > 0 ? POLLOUT : 0), 0});
  waits_.push_back({events_.interrupt_fd, POLLIN, 0});
  each_runner([&](MapRunner& runner) {
    // What waits for stdout's reader is enough: the runners wait too.
    short wanted = runner.link->events();
    if (full && !runner.link->is_lost()) wanted = static_cast<short>(wanted & ~POLLIN);
    if (runner.shipment && runner.shipment->wants_to_send() && runner.writable_soon() &&
        !runner.link->is_lost())
      wanted = static_cast<short>(wanted | POLLOUT);
    waits_.push_back({runner.link->fd(), wanted, 0});
    waiting_.push_back(&runner);
  });
  fleet_.append_waits(waits_);
  for (const auto& rung : rungs_) rung->fleet.append_waits(waits_);
  const auto until = wake_at();
  const auto left = std::chrono::ceil<milliseconds>(until - now_).count();
  const int patience =
      until == Clock::time_point::max() ? -1 : static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  const int n = ::poll(waits_.data(), waits_.size(), patience);
  now_ = Clock::now();
  each_runner([&](MapRunner& runner) { runner.count_busy(now_); });
  interrupted();
  if (settings_.deadline.passed())
    throw Error(ErrorKind::timed_out, "the deadline passed: " + std::to_string(counts_.done) +
                                          " items done, " + std::to_string(counts_.failed) + " failed, " +
                                          std::to_string(in_flight_) + " cut off")
        .with_fate(Fate::timed_out);
  if (n > 0) take_events();
  make_links_again();
}

// Those that were lost, as far as the way back allows it now.
void Mapper::make_links_again() {
  each_runner([&](MapRunner& runner) {
    const bool lost = runner.link->is_lost();
    if (std::exchange(runner.was_lost, lost) != lost && events_.on_decision)
      events_.on_decision("the link to " + runner.name +
                          (lost ? " was lost; it is made again" : " is there again"));
    if (lost) receive(runner);
  });
}

void Mapper::take_events() {
  if (waits_[0].revents != 0) read_input();
  // Nothing more is wanted: do not wait for the next result to find out.
  if ((waits_[1].revents & POLLERR) != 0 && output_.pending() == 0 && !results_) return reader_gone();
  for (std::size_t i = kFixedWaits + waiting_.size(); i < waits_.size(); ++i)
    if (waits_[i].revents != 0) grown_at_ = {};  // look at once
  for (std::size_t i = 0; i < waiting_.size(); ++i)
    if ((waits_[i + kFixedWaits].revents & ~POLLOUT) != 0 && !waiting_[i]->link->is_lost())
      receive(*waiting_[i]);
}

void Mapper::interrupted() {
  const int now = events_.interrupts ? events_.interrupts() : 0;
  if (now == interrupts_) return;
  interrupts_ = now;
  end_ = MapEnd::interrupted;
  if (log_) log_->flush(output_.written());
  if (events_.on_interrupted) events_.on_interrupted(now);
  stop_feeding();
  if (interrupts_ > 1) cancel_all();
}

void Mapper::stop_feeding() {
  feeding_ = false;
  settle_all();
  again_.clear();
  later_.clear();
  for (const auto& rung : rungs_) rung->waiting.clear();
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

// All at once: each may take a moment to hear it.
void Mapper::leave_runners() {
  if (in_flight_ > 0) say_farewell();
  each_runner([](MapRunner& runner) { runner.link->has_nothing_in_flight(); });
}

// The runners see their links close and stop what runs there.
void Mapper::reader_gone() {
  end_ = MapEnd::reader_gone;
  feeding_ = false;
  output_.drop();
  leave_runners();
  for (auto& runner : runners_)
    if (runner) runner_gone(*runner);
  in_flight_ = 0;
}

void Mapper::finish() {
  now_ = Clock::now();
  tell_progress(true);
  leave_runners();
  for (auto& runner : runners_)
    if (runner) runner_gone(*runner);
  count_cost();
  statistics_.boots = fleet_.boot_count();
  statistics_.boot_seconds = fleet_.boot_seconds_sum();
  for (const auto& rung : rungs_) {
    statistics_.boots += rung->fleet.boot_count();
    statistics_.boot_seconds += rung->fleet.boot_seconds_sum();
  }
  statistics_.wall_seconds = std::chrono::duration<double>(now_ - started_).count();
  trace_.reset();
}

void Mapper::tell_progress(bool now) {
  if (!events_.on_progress || (!now && now_ - told_at_ < events_.progress_every) || output_.pending() > 0)
    return;
  told_at_ = now_;
  MapProgress progress;
  progress.counts = counts_;
  progress.input_ended = input_ended_ && splitter_.at_end();
  progress.in_flight = in_flight_;
  progress.runners_booting = fleet_.booting();
  each_runner([&](const MapRunner& runner) {
    ++progress.runners_ready;
    if (runner.in_flight > 0) ++progress.runners_busy;
    if (runner.price_per_second > 0) progress.priced = true;
  });
  const auto over = counts_.done + counts_.failed;
  const double seconds = std::chrono::duration<double>(now_ - rate_at_).count();
  if (rate_at_ == Clock::time_point() || seconds >= 1) {
    if (rate_at_ != Clock::time_point()) rate_ = static_cast<double>(over - rate_over_) / seconds;
    rate_at_ = now_;
    rate_over_ = over;
  }
  progress.items_per_second = rate_;
  progress.seconds = std::chrono::duration<double>(now_ - started_).count();
  progress.cost = statistics_.cost;
  events_.on_progress(progress);
}

MapOutcome run_map(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events) {
  return Mapper(pool, task, settings, events).run();
}

}  // namespace flame::client
