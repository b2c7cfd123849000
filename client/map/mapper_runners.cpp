#include <algorithm>
#include <boost/json.hpp>

#include "client/map/mapper.hpp"
#include "client/pool/errors.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kGrowEvery{5};
constexpr std::uint32_t kLostMax = 5;  // runners in a row, with nothing done between

}  // namespace

bool Mapper::somebody_serves() const {
  return std::any_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner && runner->rung == 0 && !runner->draining; });
}

MapRunner* Mapper::best_runner(std::uint8_t rung) {
  MapRunner* best = nullptr;
  double least = 0;
  for (const auto& runner : runners_) {
    if (!runner || runner->rung != rung || !runner->wants_more(now_)) continue;
    const double wait = runner->expected_wait();
    if (best != nullptr && wait >= least) continue;
    best = runner.get();
    least = wait;
  }
  return best;
}

// What is known or estimated to come, but for greater guests. When nobody knows, as much is expected as has
// been: a pipe that kept us busy for a minute is good for another.
double Mapper::queued(double slots, double items_per_second) const {
  double in_flight = 0;
  each_runner([&](const MapRunner& runner) { in_flight += runner.rung == 0 ? runner.in_flight : 0; });
  const double sent = std::max(0.0, in_flight - slots) + static_cast<double>(again_.size() + later_.size());
  const double input = static_cast<double>(input_left_bytes_) + static_cast<double>(splitter_.left_bytes());
  const double known = sent + input / (mean_item_bytes_ + 1);
  if (!crowded_ || input_ended_ || input_left_bytes_ > 0) return known;
  return std::max(known, std::chrono::duration<double>(now_ - crowded_since_).count() * items_per_second);
}

PoolState Mapper::scaling() {
  PoolState state;
  double slots = 0, items_per_second = 0;
  loads_.clear();
  each_runner([&](const MapRunner& runner) {
    if (runner.rung > 0) return;
    loads_.push_back({runner.slots, std::min(runner.in_flight, runner.slots), runner.draining, 0});
    state.price_per_second = std::max(state.price_per_second, runner.price_per_second);
    if (runner.draining) return;
    slots += runner.slots;
    items_per_second += runner.depth.per_second();
    if (runner.in_flight > 0 && !runner.shipment)
      state.running_seconds =
          std::max(state.running_seconds, std::chrono::duration<double>(now_ - runner.fed_since).count());
  });
  state.runners = loads_;
  state.booting = fleet_.booting();
  state.slots_each = static_cast<std::uint32_t>(pool_.settings().slots);
  state.queued = queued(slots, items_per_second);
  if (items_per_second > 0) state.service_mean_seconds = slots / items_per_second;
  state.boot_seconds = state.start_seconds = fleet_.boot_seconds();
  state.price_known = pool_.settings().backend == "local" || !prices_.empty();
  state.cost = statistics_.cost;
  state.limits = scaling_limits(pool_.settings());
  state.limits.minimum = least_runners();
  state.limits.cost_max = settings_.cost_max;
  return state;
}

// Each thing once: a refusal is decided anew every few milliseconds.
ScalingDecision Mapper::decide() {
  const PoolState state = scaling();
  ScalingDecision decision = decide_scaling(state);
  decision.drain.clear();  // runners leave by their own timers: others may use them
  const bool news = decision.boot > 0 || decision.refusal != told_refusal_ || decision.reason != told_reason_;
  if (news && events_.on_decision && (decision.wanted > 0 || state.queued >= 1))
    events_.on_decision(scaling_sentence(state, decision));
  told_reason_ = decision.reason;
  told_refusal_ = decision.refusal;
  return decision;
}

void Mapper::grow() {
  if (!feeding_ || !work_) return;
  const bool alone = !somebody_serves();
  if (!alone && now_ - grown_at_ < kGrowEvery) return;
  grown_at_ = now_;
  count_cost();
  grow_rungs();
  for (auto& link : fleet_.arrivals(now_)) add_runner(std::move(link));
  for (const std::string& note : fleet_.take_notes())
    if (events_.on_notice) events_.on_notice(note);
  settle_deaths(fleet_);
  if (alone && !somebody_serves()) return find_first();
  alone_since_ = Clock::time_point();
  const auto ready =
      static_cast<std::uint64_t>(std::count_if(runners_.begin(), runners_.end(), [](const auto& runner) {
        return runner && runner->rung == 0 && !runner->draining;
      }));
  if ((crowded_ || ready < least_runners()) && ready < pool_.settings().max)
    fleet_.seek_known(now_, decide_scaling(scaling()).wanted);  // for the price of a handshake
  if (!fleet_.seeking() && fleet_.may_boot(now_)) boot(decide().boot);
  if (auto failure = fleet_.take_failure(); failure && failure->kind != ErrorKind::capacity &&
                                            failure->kind != ErrorKind::limit && events_.on_notice)
    events_.on_notice("no further runner for now: " + failure->message);
  if (statistics_.cost >= settings_.cost_max) too_costly();
}

// Nobody is there: somebody who is known, else a boot; an engine that gives none ends all.
void Mapper::find_first() {
  if (queued(0, 0) <= 0) return;  // the last one left while the input brought nothing
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
    // All names are taken: somebody is there or comes.
    if (failure && !(is_pool_full(*failure) && patient)) throw *failure;
    if (fleet_.may_boot(now_)) boot_first();
  }
  if (!patient && fleet_.booting() == 0)
    throw Error(ErrorKind::boot_failed, "no runner was ready in time", "see 'flame pool status'")
        .at_phase("boot");
}

void Mapper::boot_first() {
  const ScalingDecision decision = decide();
  if (decision.boot > 0) return boot(decision.boot);
  if (decision.refusal == ScalingReason::cost) return too_costly();
  if (decision.refusal == ScalingReason::cost_per_hour)
    throw Error(ErrorKind::limit, "no runner may be booted: max_cost_per_hour allows none",
                "max_cost_per_hour in flame.toml allows more");
}

void Mapper::too_costly() {
  if (end_ == MapEnd::complete) end_ = MapEnd::too_costly;
  stop_feeding();
}

void Mapper::boot(std::uint32_t count) {
  if (count > 0 && !std::exchange(boot_checked_, true) && events_.before_boot) events_.before_boot();
  for (; count > 0 && fleet_.may_boot(now_); --count) fleet_.boot(now_);
}

void Mapper::add_runner(std::unique_ptr<Link> link, std::uint8_t rung) {
  auto runner = std::make_unique<MapRunner>(std::move(link));
  runner->rung = rung;
  runner->number = static_cast<std::uint32_t>(known_.size());
  known_.push_back({runner->name, runner->slots});
  runner->price_per_second = price_of(rung == 0 ? pool_ : rungs_[rung - 1U]->pool, runner->name);
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
  fleet_of(runner).left(runner.name);
  for (auto& place : runners_)
    if (place.get() == &runner) place.reset();
}

void Mapper::append_binds(MapRunner& runner) const {
  wire::append_frame(runner.pending, wire::FrameType::bind, 0, 0, bind_body(0, false));
  wire::append_frame(runner.pending, wire::FrameType::bind, 0, 0, bind_body(1, true));
}

std::string Mapper::bind_body(std::uint32_t number, bool usage) const {
  boost::json::object environment;
  for (const auto& [name, value] : task_.environment) environment[name] = value;
  boost::json::object bind = {{"bind", number},     {"function", task_.function},
                              {"path", task_.path}, {"fresh", task_.fresh},
                              {"usage", usage},     {"env", environment}};
  if (!task_.sha256.empty()) bind["sha256"] = task_.sha256;
  if (task_.supply && !task_.supply->files_json().empty())
    bind["files"] = boost::json::parse(task_.supply->files_json());
  return boost::json::serialize(bind);
}

// By the engine's list; this computer costs nothing.
double Mapper::price_of(Pool& pool, const std::string& runner) {
  if (pool.settings().backend == "local" || !settings_.want_cost) return 0;
  if (!prices_.contains(runner)) {
    prices_[runner] = 0;
    for (const Machine& machine :
         pool.list(settings_.deadline.earlier(Deadline::in(std::chrono::seconds(30))))) {
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
