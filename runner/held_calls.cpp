#include "runner/held_calls.hpp"

#include <algorithm>

#include "runner/log.hpp"
#include "wire/limits.hpp"

namespace flame::runner {

std::shared_ptr<HeldCall> HeldCalls::find(std::uint64_t id) const {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

void HeldCalls::add(const std::shared_ptr<HeldCall>& held) {
  if (calls_.size() >= wire::kHeldMaxCount && !drop_a_fetched())
    throw Error(ErrorKind::limit,
                "the runner keeps " + std::to_string(wire::kHeldMaxCount) +
                    " detached calls, and none of them was fetched",
                "flame wait fetches them; flame calls lists yours");
  calls_[held->id()] = held;
}

void HeldCalls::hold(const CallPtr& call, CallSink& sender) {
  auto held = std::make_shared<HeldCall>(*this, call, sender);
  add(held);
  ++unfetched_;
  call->detached = true;
  call->own_sink = held;
  call->sink = held.get();
}

void HeldCalls::refuse(std::uint64_t id) {
  const auto held = std::make_shared<HeldCall>(*this, id);
  add(held);
  over_.push_back(held);
  arm();
}

void HeldCalls::forget(std::uint64_t id) {
  const auto held = find(id);
  if (!held) return;
  calls_.erase(id);
  over_.remove(held);
  bytes_ -= held->frames().size();
  held->fetched();
}

void HeldCalls::let_go() {
  gone_ = true;
  for (const auto& [id, held] : std::unordered_map(calls_)) held->fetched();
}

// Within one call's limit, and within that of all: what was fetched gives way to it.
bool HeldCalls::has_room(std::size_t kept_bytes, std::size_t more_bytes) {
  if (kept_bytes + more_bytes > options_.held_max_bytes) return false;
  while (bytes_ + more_bytes > options_.held_total_max_bytes)
    if (!drop_a_fetched()) return false;
  return true;
}

bool HeldCalls::drop_a_fetched() {
  const auto found =
      std::find_if(over_.begin(), over_.end(), [](const auto& held) { return held->is_fetched(); });
  if (found == over_.end()) return false;
  forget((*found)->id());
  return true;
}

void HeldCalls::ended(const std::shared_ptr<HeldCall>& held, const Call& call, const wire::Frame& last) {
  on_end(call, last);
  over_.push_back(held);
  if (gone_) held->fetched();
  arm();
}

void HeldCalls::one_fetched() {
  --unfetched_;
  if (on_less) on_less();
}

// All are kept for the same time: the first that ended is the first to go.
void HeldCalls::arm() {
  if (over_.empty()) return;
  timer_.expires_at(over_.front()->ended() + milliseconds(options_.held_keep_ms));
  timer_.async_wait([this](boost::system::error_code failed) {
    if (failed) return;
    const auto since = Clock::now() - milliseconds(options_.held_keep_ms);
    while (!over_.empty() && over_.front()->ended() <= since) {
      if (!over_.front()->is_fetched())
        log(LogLevel::info, "result_dropped", {{"why", "nobody fetched it in time"}});
      forget(over_.front()->id());
    }
    arm();
  });
}

std::string HeldCalls::limit_text() const {
  return std::to_string(options_.held_max_bytes) + " for a call, " +
         std::to_string(options_.held_total_max_bytes) + " for all";
}

}  // namespace flame::runner
