#include <algorithm>
#include <boost/json.hpp>

#include "client/map/format.hpp"
#include "client/map/mapper.hpp"
#include "client/remote_error.hpp"

namespace flame::client {

using wire::Frame;
using wire::FrameType;
namespace json = boost::json;

namespace {

// What no other item would survive either.
bool ends_all(ErrorKind kind) {
  return kind == ErrorKind::plugin_missing || kind == ErrorKind::plugin_unloadable ||
         kind == ErrorKind::abi_mismatch || kind == ErrorKind::unknown_function || kind == ErrorKind::refused;
}

}  // namespace

void Mapper::receive(MapRunner& runner) {
  const std::uint32_t before = runner.in_flight;
  const std::uint64_t ended = runner.ended;
  Clock::time_point first_sent = Clock::time_point::min();
  try {
    if (runner.link->receive()) {
      while (const auto frame = runner.link->next_received()) {
        if (frame->call != 0 && frame->call <= window_.size())
          first_sent = std::max(first_sent, window_[static_cast<ItemIndex>(frame->call - 1)].sent);
        take(runner, *frame);
      }
    }
  } catch (const Error& error) {
    const bool left = error.kind == ErrorKind::lost || error.kind == ErrorKind::draining;
    if (!left && error.kind != ErrorKind::protocol) throw;
    return lost(runner, error);
  }
  if (runner.ended > ended)
    runner.depth.ended(static_cast<std::uint32_t>(runner.ended - ended), before, now_ - first_sent, now_);
  if (runner.draining && runner.in_flight == 0) runner_gone(runner);
}

void Mapper::take(MapRunner& runner, const Frame& frame) {
  if (frame.call == 0) {
    if (frame.type == FrameType::draining) runner.draining = true;
    if (frame.type == FrameType::error) {
      Error error = remote_error(frame.body);
      error.kind = ErrorKind::lost;
      throw error;
    }
    return;
  }
  const auto index = static_cast<ItemIndex>(frame.call - 1);
  if (frame.call > window_.size() || window_[index].state != Item::State::in_flight ||
      runners_[window_[index].runner].get() != &runner)
    return;  // of a call that is over
  Item& item = window_[index];
  switch (frame.type) {
    case FrameType::result:
      item.flags = static_cast<std::uint8_t>(item.flags | frame.flags);
      if (frame.has(wire::flag::more)) return window_.add_result(item, frame.body);
      leave_runner(runner, index);
      return done(index, frame.body);
    case FrameType::error:
      leave_runner(runner, index);
      return failed(index, remote_error(frame.body));
    case FrameType::output:
      item.flags = wire::flag::bytes;
      return window_.add_result(item, frame.body);
    case FrameType::busy:
      runner.paused_until = now_ + milliseconds(50);
      leave_runner(runner, index);
      return failed(index, Error(ErrorKind::busy, "the runner has no room"));
    case FrameType::started:
      item.begun = true;
      return;
    case FrameType::log:
      return take_log(frame.body);
    case FrameType::window:
      return take_window(runner, frame);
    default:
      return;
  }
}

void Mapper::take_log(std::string_view body) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  const auto* object = why ? nullptr : value.if_object();
  const auto* level = object != nullptr ? object->if_contains("level") : nullptr;
  const auto* text = object != nullptr ? object->if_contains("text") : nullptr;
  if (level == nullptr || text == nullptr || !level->is_string() || !text->is_string()) return;
  if (events_.on_log) events_.on_log(json::value_to<std::string>(*level), json::value_to<std::string>(*text));
}

void Mapper::take_window(MapRunner& runner, const Frame& frame) {
  if (frame.body.size() != 8) return;
  for (LongCall& call : runner.long_calls)
    if (call.item + 1 == frame.call) call.window += wire::get_u64(frame.body.data());
}

// The call is over there, however it ended.
void Mapper::leave_runner(MapRunner& runner, ItemIndex index) {
  --runner.in_flight;
  ++runner.ended;
  --in_flight_;
  std::erase_if(runner.long_calls, [&](const LongCall& call) { return call.item == index; });
}

void Mapper::done(ItemIndex index, std::string_view body) {
  Item& item = window_[index];
  if (item.error) return failed(index, std::move(*item.error));
  lost_in_a_row_ = 0;
  ++counts_.done;
  mean_result_bytes_ += (static_cast<double>(body.size() + item.result.size()) - mean_result_bytes_) / 64;
  item.state = Item::State::ended;
  if (window_.is_front(index) && item.result.empty()) {
    emit(item, body);
    if (!settings_.ordered) return window_.release(index);
    window_.pop_front();
    return emit_ready();
  }
  window_.add_result(item, body);
  if (settings_.ordered) return emit_ready();
  emit(item, item.result);
  window_.release(index);
}

bool Mapper::goes_again(const Item& item, const Error& error) const {
  if (!feeding_ || item.error) return false;
  if (error.fate == Fate::never_begun)
    return error.kind == ErrorKind::busy || error.kind == ErrorKind::draining ||
           error.kind == ErrorKind::lost;
  return error.kind == ErrorKind::lost && task_.idempotent && item.attempts < 5;
}

void Mapper::failed(ItemIndex index, Error error) {
  if (ends_all(error.kind)) throw error;
  Item& item = window_[index];
  window_.drop_result(item);
  item.flags = 0;
  if (goes_again(item, error)) {
    item.state = Item::State::waiting;
    again_.push_back(index);
    return;
  }
  if (!item.error) item.error = std::make_unique<Error>(std::move(error));
  item.state = Item::State::ended;
  ++counts_.failed;
  if (settings_.ordered) return emit_ready();
  emit(item, {});
  window_.release(index);
}

void Mapper::emit(Item& item, std::string_view result) {
  const double ms = std::chrono::duration<double, std::milli>(now_ - item.sent).count();
  const MapRunner* runner = item.runner < runners_.size() ? runners_[item.runner].get() : nullptr;
  append_result(output_.buffer(), settings_, item, result, runner != nullptr ? runner->name : "", ms);
  if (item.error && events_.on_failed) events_.on_failed(item);
}

void Mapper::emit_ready() {
  while (Item* item = window_.front()) {
    emit(*item, item->result);
    window_.pop_front();
  }
}

void Mapper::lost(MapRunner& runner, const Error& error) {
  ++lost_in_a_row_;
  std::vector<ItemIndex> items;
  for (ItemIndex i = 0; i < window_.size(); ++i)
    if (window_[i].state == Item::State::in_flight && runners_[window_[i].runner].get() == &runner)
      items.push_back(i);
  for (const ItemIndex index : items) leave_runner(runner, index);
  runner_gone(runner);
  for (const ItemIndex index : items) {
    Error one = error;
    // A runner that left in good order has answered all that it took.
    if (error.kind != ErrorKind::draining) one.with_fate(Fate::unknown).kind = ErrorKind::lost;
    failed(index, std::move(one));
  }
}

void Mapper::runner_gone(MapRunner& runner) {
  for (auto& place : runners_)
    if (place.get() == &runner) place.reset();
}

}  // namespace flame::client
