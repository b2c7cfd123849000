#include "simulation.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <queue>
#include <random>

#include "client/map/statistics.hpp"
#include "demand.hpp"

namespace flame::sim {
namespace {

using client::PoolState;
using client::RunnerLoad;

// The numbers that are in, the least of them first: two levels of bits.
class NumberSet {
 public:
  void set(std::uint32_t number, bool in) {
    const std::size_t word = number / 64;
    if (word >= words_.size()) words_.resize(word + 1), tops_.resize(word / 64 + 1);
    const std::uint64_t bit = std::uint64_t{1} << (number % 64), top = std::uint64_t{1} << (word % 64);
    words_[word] = in ? words_[word] | bit : words_[word] & ~bit;
    tops_[word / 64] = words_[word] != 0 ? tops_[word / 64] | top : tops_[word / 64] & ~top;
  }
  std::optional<std::uint32_t> least() const {
    for (std::size_t i = 0; i < tops_.size(); ++i) {
      if (tops_[i] == 0) continue;
      const std::size_t word = i * 64 + static_cast<std::size_t>(std::countr_zero(tops_[i]));
      return static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(words_[word])));
    }
    return std::nullopt;
  }

 private:
  std::vector<std::uint64_t> words_, tops_;
};

enum class Kind : std::uint8_t { ready, finished, arrival, tick };

struct Event {
  double at;
  Kind kind;
  std::uint32_t machine;
  double arrived;  // of the call that finished
  double seconds;
  bool operator>(const Event& other) const { return at > other.at; }
};

struct Machine {
  enum class State : std::uint8_t { stopped, coming, ready, draining, gone };
  State state = State::gone;
  std::uint32_t busy = 0;
  double idle_since = 0, paid_since = 0;
  bool starting = false;
};

class Simulation {
 public:
  Simulation(const Settings& settings, Calls calls, std::uint64_t seed)
      : settings_(settings),
        calls_(std::move(calls)),
        random_(seed),
        demand_(settings.window_seconds, settings.horizon_seconds) {}

  Outcome run() {
    for (std::uint32_t i = 0; i < settings_.fixed; ++i) ready(add_machine());
    next_arrival();
    serve();
    if (settings_.fixed == 0) tick();
    while (!events_.empty() && !over()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      take(event);
    }
    return finish();
  }

 private:
  bool over() const { return !coming_ && queue_.empty() && running_ == 0; }

  void take(const Event& event) {
    switch (event.kind) {
      case Kind::arrival:
        queue_.push_back(*coming_);
        demand_.arrived(now_);
        ++outcome_.calls;
        next_arrival();
        return serve();
      case Kind::finished:
        return finished(event);
      case Kind::ready:
        ready(event.machine);
        return serve();
      case Kind::tick:
        return tick();
    }
  }

  // All that come now at once: a batch is one event.
  void next_arrival() {
    while ((coming_ = calls_()) && coming_->at <= now_) {
      queue_.push_back(*coming_);
      ++outcome_.calls;
    }
    if (coming_) events_.push({coming_->at, Kind::arrival, 0, 0, 0});
  }

  // Packed: the first machine that has room.
  void serve() {
    while (!queue_.empty()) {
      const auto at = roomy_.least();
      if (!at) return;
      Machine& machine = machines_[*at];
      const Call call = queue_.front();
      queue_.pop_front();
      if (++machine.busy == settings_.slots) roomy_.set(*at, false);
      ++running_;
      outcome_.work_seconds += call.seconds;
      outcome_.longest_seconds = std::max(outcome_.longest_seconds, call.seconds);
      events_.push({now_ + call.seconds, Kind::finished, *at, call.at, call.seconds});
      if (first_served_ < 0) first_served_ = now_;
    }
  }

  void finished(const Event& event) {
    Machine& machine = machines_[event.machine];
    --running_;
    if (--machine.busy == 0) machine.idle_since = now_;
    if (machine.state == Machine::State::ready) roomy_.set(event.machine, true);
    if (machine.state == Machine::State::draining && machine.busy == 0) leave(machine);
    service_.add(event.seconds * 1e3);
    const double response = now_ - event.arrived;
    responses_.add(response * 1e3);
    outcome_.end_seconds = now_;
    serve();
  }

  std::uint32_t add_machine() {
    for (std::uint32_t i = 0; i < machines_.size(); ++i)
      if (machines_[i].state == Machine::State::gone) return i;
    machines_.emplace_back();
    return static_cast<std::uint32_t>(machines_.size() - 1);
  }

  void ready(std::uint32_t at) {
    Machine& machine = machines_[at];
    if (machine.state == Machine::State::coming)
      --(machine.starting ? starting_ : booting_);
    else
      pay(machine);
    machine.state = Machine::State::ready;
    machine.idle_since = now_;
    machine.busy = 0;
    roomy_.set(at, true);
  }

  void pay(Machine& machine) {
    machine.paid_since = now_;
    ++paid_;
    outcome_.machines_most = std::max(outcome_.machines_most, paid_);
    outcome_.cost_per_hour_most =
        std::max(outcome_.cost_per_hour_most, paid_ * settings_.engine.price_per_second * 3600);
  }

  void bring(std::uint32_t at, double seconds, bool starting) {
    Machine& machine = machines_[at];
    machine.state = Machine::State::coming;
    machine.starting = starting;
    ++(starting ? starting_ : booting_);
    pay(machine);
    std::uniform_real_distribution<double> spread(1 - settings_.engine.jitter, 1 + settings_.engine.jitter);
    events_.push({now_ + seconds * spread(random_), Kind::ready, at, 0, 0});
  }

  void drain(std::uint32_t at) {
    Machine& machine = machines_[at];
    roomy_.set(at, false);
    ++outcome_.drains;
    machine.state = Machine::State::draining;
    if (machine.busy == 0) leave(machine);
  }

  void leave(Machine& machine) {
    outcome_.cost += (now_ - machine.paid_since) * settings_.engine.price_per_second;
    --paid_;
    machine.state = settings_.engine.keeps_stopped ? Machine::State::stopped : Machine::State::gone;
    if (settings_.engine.keeps_stopped) ++stopped_;
  }

  PoolState state() {
    PoolState out;
    loads_.clear();
    numbers_.clear();
    for (std::uint32_t i = 0; i < machines_.size(); ++i) {
      const bool draining = machines_[i].state == Machine::State::draining;
      if (machines_[i].state != Machine::State::ready && !draining) continue;
      loads_.push_back({settings_.slots, machines_[i].busy, draining, machines_[i].idle_since});
      numbers_.push_back(i);
    }
    out.now_seconds = now_;
    out.changed_at_seconds = changed_at_;
    out.runners = loads_;
    out.startable = stopped_;
    out.starting = starting_;
    out.booting = booting_;
    out.slots_each = settings_.slots;
    out.queued = static_cast<double>(queue_.size());
    if (!queue_.empty()) out.oldest_wait_seconds = now_ - queue_.front().at;
    out.arrivals_per_second = demand_.per_second(now_);
    out.arrivals_peak_per_second = demand_.peak_per_second(now_);
    if (service_.count() > 0) {
      out.service_mean_seconds = service_.sum_ms() / 1e3 / static_cast<double>(service_.count());
      out.service_p95_seconds = service_.percentile(95) / 1e3;
    } else if (settings_.service_known) {
      out.service_mean_seconds = out.service_p95_seconds = settings_.service_mean_seconds;
    }
    if (first_served_ >= 0) out.running_seconds = now_ - first_served_;
    out.boot_seconds = settings_.engine.boot_seconds;
    out.start_seconds = settings_.engine.start_seconds;
    out.price_per_second = settings_.engine.price_per_second;
    out.limits = settings_.limits;
    return out;
  }

  void tick() {
    const auto decision = client::decide_scaling(state());
    if (decision.start + decision.boot + decision.drain.size() > 0) changed_at_ = now_;
    for (const std::uint32_t index : decision.drain) drain(numbers_[index]);
    std::uint32_t left = decision.start;
    for (std::uint32_t i = 0; left > 0 && i < machines_.size(); ++i) {
      if (machines_[i].state != Machine::State::stopped) continue;
      --stopped_;
      --left;
      ++outcome_.starts;
      bring(i, settings_.engine.start_seconds, true);
    }
    for (std::uint32_t i = 0; i < decision.boot; ++i) {
      ++outcome_.boots;
      bring(add_machine(), settings_.engine.boot_seconds, false);
    }
    sample();
    events_.push({now_ + settings_.tick_seconds, Kind::tick, 0, 0, 0});
  }

  void sample() {
    if (settings_.sample_seconds <= 0 || now_ < sampled_ + settings_.sample_seconds) return;
    sampled_ = now_;
    outcome_.timeline.push_back({now_, static_cast<double>(numbers_.size()), static_cast<double>(running_),
                                 static_cast<double>(queue_.size()),
                                 paid_ * settings_.engine.price_per_second * 3600});
  }

  Outcome finish() {
    for (const Machine& machine : machines_)
      if (machine.state != Machine::State::gone && machine.state != Machine::State::stopped)
        outcome_.cost += (now_ - machine.paid_since) * settings_.engine.price_per_second;
    outcome_.response_p50 = responses_.percentile(50) / 1e3;
    outcome_.response_p95 = responses_.percentile(95) / 1e3;
    outcome_.response_mean =
        responses_.sum_ms() / 1e3 / static_cast<double>(std::max<std::uint64_t>(1, outcome_.calls));
    return std::move(outcome_);
  }

  const Settings& settings_;
  Calls calls_;
  std::mt19937_64 random_;
  Demand demand_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<Call> queue_;
  std::optional<Call> coming_;
  std::vector<Machine> machines_;
  NumberSet roomy_;
  std::vector<RunnerLoad> loads_;
  std::vector<std::uint32_t> numbers_;
  client::Histogram service_, responses_;
  std::uint32_t starting_ = 0, booting_ = 0, stopped_ = 0, running_ = 0, paid_ = 0;
  double now_ = 0, first_served_ = -1, sampled_ = -1e9, changed_at_ = 0;
  Outcome outcome_;
};

}  // namespace

Outcome simulate(const Settings& settings, Calls calls, std::uint64_t seed) {
  return Simulation(settings, std::move(calls), seed).run();
}

}  // namespace flame::sim
