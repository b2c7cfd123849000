#include <algorithm>
#include <boost/json.hpp>

#include "client/map/mapper.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kGrowEvery{5};
constexpr std::uint32_t kLostMax = 5;  // runners in a row, with nothing done between

}  // namespace

bool Mapper::somebody_serves() const {
  return std::any_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner && !runner->draining; });
}

MapRunner* Mapper::best_runner() {
  MapRunner* best = nullptr;
  double least = 0;
  for (const auto& runner : runners_) {
    if (!runner || !runner->wants_more(now_)) continue;
    const double wait = runner->expected_wait();
    if (best != nullptr && wait >= least) continue;
    best = runner.get();
    least = wait;
  }
  return best;
}

ScalingState Mapper::scaling() const {
  ScalingState state;
  std::uint32_t slots = 0;
  each_runner([&](const MapRunner& runner) {
    if (runner.draining) return;
    ++state.ready;
    slots += runner.slots;
    state.items_per_second += runner.depth.per_second();
    state.price_per_second = std::max(state.price_per_second, runner.price_per_second);
  });
  state.booting = fleet_.booting();
  state.minimum = settings_.runners_min;
  state.maximum = static_cast<std::uint32_t>(pool_.settings().max);
  state.items_waiting = static_cast<double>(in_flight_ - std::min(in_flight_, slots) + again_.size()) +
                        static_cast<double>(input_left_bytes_) / (mean_item_bytes_ + 1);
  if (crowded_ && !input_ended_ && input_left_bytes_ == 0)
    state.busy_for_seconds = std::chrono::duration<double>(now_ - crowded_since_).count();
  state.boot_seconds = fleet_.boot_seconds();
  // What would be running while it boots is spent already.
  state.cost = statistics_.cost + state.price_per_second * state.ready * state.boot_seconds;
  state.cost_max = settings_.cost_max;
  return state;
}

void Mapper::grow() {
  if (!feeding_ || !work_) return;
  const bool alone = !somebody_serves();
  if (!alone && now_ - grown_at_ < kGrowEvery) return;
  grown_at_ = now_;
  count_cost();
  for (auto& link : fleet_.arrivals(now_)) add_runner(std::move(link));
  for (const std::string& note : fleet_.take_notes())
    if (events_.on_notice) events_.on_notice(note);
  if (alone && !somebody_serves()) return find_first();
  alone_since_ = Clock::time_point();
  const ScalingState state = scaling();
  if ((crowded_ || state.ready < state.minimum) && state.ready < state.maximum)
    fleet_.seek_known(now_);  // for the price of a handshake
  if (!fleet_.seeking() && decide_scaling(state).boot && fleet_.may_boot(now_)) boot();
  if (auto failure = fleet_.take_failure();
      failure && failure->kind != ErrorKind::capacity && events_.on_notice)
    events_.on_notice("no further runner for now: " + failure->message);
  if (statistics_.cost >= settings_.cost_max && end_ == MapEnd::complete) {
    end_ = MapEnd::too_costly;
    stop_feeding();
  }
}

// Nobody is there: somebody who is known, else a boot; an engine that gives none ends all.
void Mapper::find_first() {
  if (alone_since_ == Clock::time_point()) alone_since_ = now_;
  if (lost_in_a_row_ >= kLostMax)
    throw Error(ErrorKind::lost,
                std::to_string(lost_in_a_row_) + " runners in a row were lost and no item was done between",
                "see 'flame pool logs'");
  fleet_.seek_known(now_);
  if (fleet_.seeking()) return;
  const bool patient = now_ - alone_since_ < milliseconds(pool_.settings().boot_timeout_ms);
  if (fleet_.booting() == 0) {
    auto failure = fleet_.take_failure();
    // Ours, without a type: all names are taken, so somebody is there or comes.
    const bool full = failure && failure->kind == ErrorKind::capacity && failure->type.empty();
    if (failure && !(full && patient)) throw *failure;
    if (fleet_.may_boot(now_)) boot();
  }
  if (!patient && fleet_.booting() == 0)
    throw Error(ErrorKind::boot_failed, "no runner was ready in time", "see 'flame pool status'")
        .at_phase("boot");
}

void Mapper::boot() {
  if (!std::exchange(boot_checked_, true) && events_.before_boot) events_.before_boot();
  fleet_.boot(now_);
}

void Mapper::add_runner(std::unique_ptr<Link> link) {
  auto runner = std::make_unique<MapRunner>(std::move(link));
  runner->price_per_second = price_of(runner->name);
  runner->busy_at = now_;
  if (settings_.item_timeout_ms != kUnlimitedMs)
    runner->depth.limit_wait(milliseconds(settings_.item_timeout_ms) / 20);
  append_binds(*runner);
  added_ = true;
  const auto gap = std::find(runners_.begin(), runners_.end(), nullptr);
  if (gap != runners_.end())
    *gap = std::move(runner);
  else
    runners_.push_back(std::move(runner));
}

void Mapper::runner_gone(MapRunner& runner) {
  const double seconds = std::chrono::duration<double>(now_ - runner.ready_since).count();
  runner.count_busy(now_);
  statistics_.busy_seconds += runner.busy_seconds;
  statistics_.slot_seconds += seconds * runner.slots;
  statistics_.runner_seconds += seconds;
  gone_cost_ += seconds * runner.price_per_second;
  fleet_.left(runner.name);
  for (auto& place : runners_)
    if (place.get() == &runner) place.reset();
}

void Mapper::append_binds(MapRunner& runner) const {
  wire::append_frame(runner.pending, wire::FrameType::bind, 0, 0, bind_body(0, false));
  wire::append_frame(runner.pending, wire::FrameType::bind, 0, 0, bind_body(1, true));
}

std::string Mapper::bind_body(std::uint32_t number, bool phases) const {
  boost::json::object environment;
  for (const auto& [name, value] : task_.environment) environment[name] = value;
  boost::json::object bind = {{"bind", number},       {"function", task_.function}, {"path", task_.path},
                              {"fresh", task_.fresh}, {"phases", phases},           {"env", environment}};
  if (!task_.sha256.empty()) bind["sha256"] = task_.sha256;
  if (task_.supply && !task_.supply->files_json().empty())
    bind["files"] = boost::json::parse(task_.supply->files_json());
  return boost::json::serialize(bind);
}

// By the engine's list; this computer costs nothing.
double Mapper::price_of(const std::string& runner) {
  if (pool_.settings().backend == "local" || !settings_.want_cost) return 0;
  if (!prices_.contains(runner)) {
    prices_[runner] = 0;
    for (const Machine& machine :
         pool_.list(settings_.deadline.earlier(Deadline::in(std::chrono::seconds(30))))) {
      boost::system::error_code why;
      const auto details = boost::json::parse(machine.details, why);
      const auto* object = why ? nullptr : details.if_object();
      const auto* price = object != nullptr ? object->if_contains("price_per_second") : nullptr;
      prices_[machine.name] = price != nullptr && price->is_number() ? price->to_number<double>() : 0;
    }
  }
  return prices_[runner];
}

void Mapper::count_cost() {
  statistics_.cost = gone_cost_;
  each_runner([&](const MapRunner& runner) {
    statistics_.cost +=
        std::chrono::duration<double>(now_ - runner.ready_since).count() * runner.price_per_second;
  });
}

}  // namespace flame::client
