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

constexpr milliseconds kBusyPause{50};

double milliseconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

void Mapper::receive(MapRunner& runner) {
  const std::uint32_t before = runner.in_flight;
  const std::uint64_t ended = runner.ended;
  Clock::time_point first_sent = Clock::time_point::min();
  try {
    if (runner.link->receive()) {
      while (const auto frame = runner.link->next_received()) {
        if (frame->type == FrameType::wanted || frame->type == FrameType::stored) {
          take_shipped(runner, *frame);
          continue;
        }
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
      item.flags = task_.streaming ? wire::flag::bytes : static_cast<std::uint8_t>(item.flags | frame.flags);
      if (frame.has(wire::flag::more)) return window_.add_result(item, frame.body);
      leave_runner(runner, index);
      ++runner.ended;
      return done(index, frame.body);
    case FrameType::error: {
      leave_runner(runner, index);
      Error error = remote_error(frame.body);
      // What it sends back because the plugin is not there yet says nothing of its pace.
      if (error.kind != ErrorKind::plugin_missing) ++runner.ended;
      return failed(index, std::move(error));
    }
    case FrameType::output:
      return window_.add_result(item, frame.body);
    case FrameType::busy:
      runner.paused_until = now_ + kBusyPause;
      leave_runner(runner, index);
      return failed(index, Error(ErrorKind::busy, "the runner has no room"));
    case FrameType::usage:
      return take_usage(item, frame.body);
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
  --in_flight_;
  std::erase_if(runner.long_calls, [&](const LongCall& call) { return call.item == index; });
}

void Mapper::take_usage(Item& item, std::string_view body) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  const auto* object = why ? nullptr : value.if_object();
  const auto number = [&](const char* key) {
    const auto* found = object != nullptr ? object->if_contains(key) : nullptr;
    return found != nullptr && found->is_number() ? found->to_number<double>() : -1;
  };
  item.run_ms = number("run_ms");
  item.queue_ms = number("queue_ms");
}

void Mapper::done(ItemIndex index, std::string_view body) {
  Item& item = window_[index];
  if (item.error) return failed(index, std::move(*item.error));
  lost_in_a_row_ = 0;
  ++counts_.done;
  mean_result_bytes_ += (static_cast<double>(body.size() + item.result.size()) - mean_result_bytes_) / 64;
  item.state = Item::State::ended;
  item.ended = now_;
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

// A runner that lacks the plugin gets it over the same link; its items wait, or go to another.
bool Mapper::sends_plugin(ItemIndex index, Error& error) {
  constexpr std::uint32_t kShipmentsMax = 3;  // a store that keeps nothing is no reason to go on
  const auto& runner = runners_[window_[index].runner];
  if (!task_.supply || !task_.supply->can_mend(error) || !runner) return false;
  if (!feeding_) error.kind = ErrorKind::cancelled;
  if (!feeding_) return false;
  if (!runner->shipment) {
    if (++runner->shipments > kShipmentsMax) return false;
    runner->shipment = std::make_unique<Shipment>(task_.supply->files());
    runner->shipment->offer(runner->pending);
  }
  --window_[index].attempts;
  window_[index].state = Item::State::waiting;
  queue_again(index);
  return true;
}

void Mapper::take_shipped(MapRunner& runner, const Frame& frame) {
  if (!runner.shipment) return;
  runner.shipment->take(frame);
  if (!runner.shipment->over()) return;
  runner.shipment.reset();
  append_binds(runner);  // those before have failed
}

bool Mapper::goes_again(ItemIndex index, const Error& error) {
  Item& item = window_[index];
  if (!feeding_ || item.error) return false;
  if (climbs(index, error)) return true;
  const double spread = static_cast<double>(random_() % 1024) / 1024;
  const auto delay = retry_delay({settings_.retries, task_.idempotent}, error, item.attempts, spread);
  if (!delay) return false;
  if (error.fate == Fate::never_begun) --item.attempts;
  item.state = Item::State::waiting;
  if (delay->count() == 0)
    queue_again(index);
  else
    later_.emplace(now_ + *delay, index);
  return true;
}

// By us, and not for any fault of the item's: it is neither shown nor logged.
bool Mapper::given_up(const Item& item) const {
  if (!item.error) return false;
  const ErrorKind kind = item.error->kind;
  const bool moved = kind == ErrorKind::busy || kind == ErrorKind::draining || kind == ErrorKind::lost ||
                     kind == ErrorKind::timed_out;
  return kind == ErrorKind::cancelled || (!feeding_ && moved && item.error->fate == Fate::never_begun);
}

void Mapper::failed(ItemIndex index, Error error) {
  if (sends_plugin(index, error)) return;
  if (ends_all(error.kind)) throw error;
  Item& item = window_[index];
  window_.drop_result(item);
  item.flags = 0;
  if (goes_again(index, error)) return;
  if (!item.error) item.error = std::make_unique<Error>(std::move(error));
  item.state = Item::State::ended;
  item.ended = now_;
  if (given_up(item)) {
    ++counts_.cancelled;
  } else {
    ++counts_.failed;
    ++statistics_.failures[std::string(error_kind_name(item.error->kind))];
    if (end_ == MapEnd::complete && settings_.halt.reached(counts_.failed, counts_.failed + counts_.done))
      end_ = MapEnd::halted;
  }
  if (settings_.ordered) return emit_ready();
  emit(item, {});
  window_.release(index);
}

void Mapper::emit(Item& item, std::string_view result) {
  if (given_up(item)) return;
  const auto& [name, slots] = known_[item.sent_to];
  const double ms = item.run_ms >= 0 ? item.run_ms : milliseconds_between(item.sent, item.ended);
  statistics_.run.add(ms);
  if (item.queue_ms >= 0) statistics_.queue.add(item.queue_ms);
  if (results_) {
    scratch_.clear();
    append_result(scratch_, settings_, item, result, name, ms);
    // A file has its own end: text keeps its newline, bytes and raw strings stay what they are.
    const bool exact = (item.flags & wire::flag::bytes) != 0 || settings_.to == ResultFormat::raw;
    if (exact && settings_.to != ResultFormat::records && !scratch_.empty()) scratch_.pop_back();
    if (!item.error || settings_.to == ResultFormat::records) results_->put(item.number, scratch_);
  } else {
    append_result(output_.buffer(), settings_, item, result, name, ms);
  }
  if (trace_)
    trace_->call(
        {name, item.text, item.error ? error_kind_name(item.error->kind) : "done", item.number, slots,
         item.ended -
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(ms)),
         item.ended});
  if (item.error && events_.on_failed) events_.on_failed(item);
  if (log_) log(item, name, ms);
}

void Mapper::log(const Item& item, std::string_view runner, double ms) {
  JobRecord record;
  record.seq = item.log_number;
  record.start =
      unix_minus_steady_ + std::chrono::duration<double>(item.ended.time_since_epoch()).count() - ms / 1e3;
  record.runner = runner;
  record.ms = ms;
  if (item.error) {
    record.exit = events_.exit_status ? events_.exit_status(*item.error) : 1;
    record.signal = item.error->signal;
    record.fate = item.error->fate;
  }
  record.hash = hasher_(item.text);
  record.item = item.text;
  log_->add(output_.added(), record);
}

void Mapper::emit_ready() {
  while (Item* item = window_.front()) {
    emit(*item, item->result);
    window_.pop_front();
  }
}

void Mapper::lost(MapRunner& runner, const Error& error) {
  // What came before the end counts.
  while (const auto frame = runner.link->next_received())
    if (frame->call != 0) take(runner, *frame);
  ++lost_in_a_row_;
  const std::uint64_t round = runner.round;
  std::vector<ItemIndex> items;
  for (ItemIndex i = 0; i < window_.size(); ++i)
    if (window_[i].state == Item::State::in_flight && runners_[window_[i].runner].get() == &runner)
      items.push_back(i);
  for (const ItemIndex index : items) leave_runner(runner, index);
  const std::string name = runner.name;
  const bool asked = error.kind == ErrorKind::lost && fleet_of(runner).lost(name);
  runner_gone(runner);
  for (const ItemIndex index : items) {
    const Item& item = window_[index];
    Error one = error;
    // A runner that left in good order has answered all that it took. Else what had left may have begun, also
    // when no `started` came: that may have been lost with the rest.
    if (error.kind != ErrorKind::draining) {
      one.kind = ErrorKind::lost;
      one.with_fate(item.round == round ? Fate::never_begun : Fate::unknown);
    }
    if (asked && ladder_ && task_.idempotent && one.fate == Fate::unknown)
      await_death(index, name, std::move(one));
    else
      failed(index, std::move(one));
  }
}

}  // namespace flame::client
