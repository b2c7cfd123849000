#include "client/pool/keeper.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace flame::client {

Keeper::Keeper(PoolSettings settings, Options options, KeepCounters& counters)
    : pool_(std::move(settings)), options_(std::move(options)), counters_(counters), lease_(pool_) {
  pool_.leave_old_ones();
}

Keeper::~Keeper() = default;

void Keeper::log(const char* level, const char* event, boost::json::object fields) const {
  fields["pool"] = pool_.settings().name;
  if (options_.log) options_.log(level, event, std::move(fields));
}

Kept* Keeper::named(const std::string& name) {
  const auto found = std::find_if(runners_.begin(), runners_.end(),
                                  [&](const Kept& one) { return one.machine.name == name; });
  return found == runners_.end() ? nullptr : &*found;
}

std::uint64_t Keeper::ready() const {
  return static_cast<std::uint64_t>(std::count_if(runners_.begin(), runners_.end(), [&](const Kept& one) {
    return one.state == KeptRunner::State::ready && is_current(one);
  }));
}

bool Keeper::all_heard() const {
  return std::all_of(runners_.begin(), runners_.end(), [](const Kept& one) {
    return !one.sought() && (!one.linked || !one.looks || one.heard);
  });
}

std::string Keeper::trouble() const {
  if (!engine_trouble_.empty()) return engine_trouble_;
  const bool lacks = ready() < std::min(pool_.settings().min, pool_.settings().max);
  return lacks ? boot_trouble_ : "";
}

// A standby only looks: it knows the runners when its turn comes.
void Keeper::become(bool acting) {
  if (std::exchange(acting_, acting) == acting) return;
  if (acting)
    log("info", "acting",
        {{"min", pool_.settings().min},
         {"max", pool_.settings().max},
         {"spares", options_.spares},
         {"generation", pool_.generation()}});
  else
    log("warning", "standby", {{"why", lease_.holder()}});
}

void Keeper::step() {
  const auto now = Clock::now();
  try {
    if (!options_.only_looks) lease_.step(now);
    take_engine(now);
    if (now >= list_due_ && list_request_ == 0) ask_list(now);
  } catch (const Error& error) {
    engine_failed(error, now);
  }
  become(lease_.held(now));
  for (auto one = runners_.begin(); one != runners_.end();) {
    const auto here = one++;
    visit(*here, now);
    if (here->machine.name.empty()) runners_.erase(here);
  }
  if (!looked()) return;
  plan(now);
  if (acting_) act(now);
  if (now >= look_due_) look_at_all(now);
}

void Keeper::plan(Clock::time_point now) {
  KeepState state;
  const PoolSettings& settings = pool_.settings();
  state.min = settings.min;
  state.max = settings.max;
  state.surge = settings.surge;
  state.spares = options_.spares;
  state.booting = boots_.size();
  for (const Kept& one : runners_)
    state.runners.push_back(
        {one.machine.name, one.state, is_current(one), one.slots, one.busy, one.queued, one.idle_ms});
  scale(state, now);
  plan_ = plan_keeping(state);
  if (std::exchange(refused_, state.refused) != state.refused && state.refused && acting_)
    log("warning", "refused", {{"why", state.why}});
}

void Keeper::act(Clock::time_point now) {
  lease_.note(plan_.reason, counters_.boots_ready, counters_.boots_failed);
  if ((plan_.boot > 0 || !plan_.drain.empty()) && plan_.reason != logged_reason_) {
    logged_reason_ = plan_.reason;
    log("info", "decision",
        {{"why", plan_.reason},
         {"boot", plan_.boot},
         {"drain", plan_.drain.size()},
         {"wanted", plan_.wanted}});
  }
  for (const std::string& name : plan_.drain) {
    Kept& one = *named(name);
    if (std::exchange(one.draining_told, true)) continue;
    log("info", "drain",
        {{"runner", name}, {"why", plan_.reason}, {"busy", one.busy}, {"queued", one.queued}});
    ++counters_.drained;
    changed_at_ = now;
    pool_.forget({name, {}, {}});  // nobody is to find it by a hint
    pool_.begin("stop", name, Deadline::in(std::chrono::seconds(30)), {});
    set_state(one, KeptRunner::State::leaving);
  }
  for (std::uint64_t n = 0; n < plan_.boot && now >= boot_not_before_; ++n) {
    const std::uint64_t id = pool_.begin_boot(Deadline::in(milliseconds(pool_.settings().boot_timeout_ms)));
    if (id == 0) {  // another flame boots in this pool: what comes of it is listed
      boot_not_before_ = now + milliseconds(200);
      list_due_ = std::min(list_due_, now + milliseconds(500));
      return;
    }
    boots_.push_back({id, now});
    changed_at_ = now;
  }
}

void Keeper::append_waits(std::vector<pollfd>& waits) const {
  if (pool_.boot_fd() >= 0) waits.push_back({pool_.boot_fd(), POLLIN, 0});
  for (const Kept& one : runners_) {
    if (!one.link) continue;
    const short events = one.link->queued_bytes() > 0 ? POLLIN | POLLOUT : POLLIN;
    waits.push_back({one.link->fd(), one.linked ? events : one.link->opening_events(), 0});
  }
}

Clock::time_point Keeper::wake_at() const {
  auto at = std::min(pool_.boot_deadline().at(), look_due_);
  if (!options_.only_looks) at = std::min(at, lease_.wake_at());
  if (list_request_ == 0) at = std::min(at, list_due_);
  if (acting_ && boot_not_before_ > Clock::now()) at = std::min(at, boot_not_before_);
  for (const Kept& one : runners_)
    if (one.sought()) at = std::min(at, one.link ? one.try_until : one.next_try);
  return at;
}

}  // namespace flame::client
