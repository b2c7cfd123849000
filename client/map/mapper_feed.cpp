#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/map/mapper.hpp"

namespace flame::client {

using wire::FrameType;

namespace {
constexpr std::size_t kReadMaxBytes = 64 * 1024, kReadLeastBytes = 256;
constexpr double kToldPerSecond = 2000;
}  // namespace

void Mapper::feed() {
  while (!later_.empty() && later_.begin()->first <= now_) {
    queue_again(later_.begin()->second);
    later_.erase(later_.begin());
  }
  feed_rungs();
  bool crowded = false;
  while (may_feed()) {
    MapRunner* runner = best_runner();
    if (runner == nullptr && somebody_serves()) {
      crowded = !again_.empty() || splitter_.ready() || input_ahead_;
      break;
    }
    const auto index = next_item();
    if (!index) break;
    work_ = true;
    if (runner == nullptr) {
      again_.push_front(*index);
      break;
    }
    send(*index, *runner);
  }
  if (crowded && !crowded_) crowded_since_ = now_;
  crowded_ = crowded;
}

// What calls in flight will bring is counted in advance.
bool Mapper::has_room() const {
  return window_.has_room(static_cast<std::size_t>(in_flight_ * mean_result_bytes_));
}

// Input is read only while there is room for what it holds, and about as much as there is room for.
bool Mapper::wants_input() const {
  if (!may_feed() || input_ended_ || !again_.empty() || !has_room()) return false;
  return !somebody_serves() || std::any_of(runners_.begin(), runners_.end(), [&](const auto& runner) {
    return runner && runner->rung == 0 && runner->wants_more(now_);
  });
}

void Mapper::read_input() {
  std::size_t calls = 0;
  each_runner([&](const MapRunner& runner) {
    if (runner.rung > 0) return;
    calls += runner.depth.target() - std::min(runner.in_flight, runner.depth.target());
  });
  const auto wanted = static_cast<std::size_t>(static_cast<double>(calls) * (mean_item_bytes_ + 1));
  const std::size_t size = std::clamp(wanted, kReadLeastBytes, kReadMaxBytes);
  ssize_t n;
  do n = ::read(settings_.input_fd, splitter_.prepare(size), size);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN) throw system_error("cannot read the items", errno);
  const std::size_t got = n > 0 ? static_cast<std::size_t>(n) : 0;
  splitter_.commit(got);
  input_ahead_ = got == size;
  input_left_bytes_ -= std::min<std::uint64_t>(input_left_bytes_, got);
  if (n == 0) {
    splitter_.finish();
    input_ended_ = true;
    input_left_bytes_ = 0;
  }
}

bool Mapper::read_header() {
  const auto header = splitter_.next();
  if (!header) return false;
  if (!task_.signature)
    throw Error(ErrorKind::usage,
                "--from csv needs the names of the function's parameters, and the plugin has no manifest",
                "build it with the SDK, or use --from json");
  encoder_.set_columns(*header, *task_.signature);
  header_read_ = true;
  return true;
}

std::optional<ItemIndex> Mapper::next_item() {
  if (!again_.empty()) {
    const ItemIndex index = again_.front();
    again_.pop_front();
    return index;
  }
  if (!has_room()) return std::nullopt;
  if (settings_.from == ItemFormat::csv && !header_read_ && !read_header()) return std::nullopt;
  while (const auto text = splitter_.next()) {
    // Values and records may have empty lines between them; an empty line of text is an item.
    if (settings_.from != ItemFormat::lines && text->find_first_not_of(" \t\r\n") == std::string_view::npos)
      continue;
    const std::uint64_t number = ++counts_.read;
    mean_item_bytes_ += (static_cast<double>(text->size()) - mean_item_bytes_) / (number == 1 ? 1 : 64);
    std::uint64_t log_number = number;
    if (history_) {
      const auto answer = history_->ask(hasher_(*text), number, settings_.retry_failed);
      log_number = answer.seq;
      if (answer.verdict == JobHistory::Verdict::skip) {
        ++counts_.skipped;
        continue;
      }
    }
    const ItemIndex index = window_.add(number, *text);
    window_[index].log_number = log_number;
    return index;
  }
  return std::nullopt;
}

void Mapper::send(ItemIndex index, MapRunner& runner) {
  Item& item = window_[index];
  std::uint32_t place = 0;
  while (runners_[place].get() != &runner) ++place;
  item.state = Item::State::in_flight;
  item.runner = place;
  item.sent_to = runner.number;
  item.sent = now_;
  item.round = runner.round;
  // Being told costs a frame a call: worth it unless calls are tiny.
  item.told = trace_ || runner.depth.per_second() < kToldPerSecond;
  ++item.attempts;
  if (runner.in_flight++ == 0) runner.fed_since = now_;
  ++in_flight_;
  try {
    begin_call(item);
    if (settings_.from == ItemFormat::files) return send_file(index, runner);
    if (as_input_) return send_as_input(index, runner);
    put_call(runner, index, encoder_.append(scratch_, item.text));
  } catch (Error& error) {
    if (error.kind != ErrorKind::bad_arguments && error.kind != ErrorKind::system) throw;
    error.kind = ErrorKind::bad_arguments;
    leave_runner(runner, index);
    failed(index, std::move(error));
  }
}

void Mapper::begin_call(const Item& item) {
  const std::uint64_t remaining = std::min(settings_.deadline.remaining_ms(), settings_.item_timeout_ms);
  scratch_.clear();
  wire::append_call_head(scratch_, {item.told ? 1U : 0U, 0, remaining});
}

// scratch_ is the call's body, but for the number of arguments.
void Mapper::put_call(MapRunner& runner, ItemIndex index, std::uint32_t count) {
  auto head = *wire::read_call_head(scratch_);
  head.argument_count = count;
  wire::write_call_head(scratch_.data(), head);
  if (scratch_.size() <= wire::kPieceBytes && scratch_.size() <= runner.window_bytes) {
    wire::append_frame(runner.pending, FrameType::call, 0, index + 1, scratch_);
    if (task_.streaming) wire::append_frame(runner.pending, FrameType::end_input, 0, index + 1, {});
    return;
  }
  LongCall call;
  call.item = index;
  call.body = scratch_;
  call.window = runner.window_bytes;
  runner.long_calls.push_back(std::move(call));
}

// A streaming function whose parameters are all given reads the item.
void Mapper::send_as_input(ItemIndex index, MapRunner& runner) {
  scratch_ += encoder_.before();
  auto head = *wire::read_call_head(scratch_);
  head.argument_count = encoder_.fixed_count();
  wire::write_call_head(scratch_.data(), head);
  wire::append_frame(runner.pending, FrameType::call, 0, index + 1, scratch_);
  LongCall call;
  call.item = index;
  call.window = runner.window_bytes - std::min<std::uint64_t>(runner.window_bytes, scratch_.size());
  call.body = window_[index].text;
  call.as_input = true;
  runner.long_calls.push_back(std::move(call));
}

void Mapper::send_file(ItemIndex index, MapRunner& runner) {
  Item& item = window_[index];
  UniqueFd file = open_file(item.text, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("cannot look at '" + item.text + "'", errno);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::bad_arguments, "'" + item.text + "' is not a file");
  if (as_input_) {
    send_as_input(index, runner);
    runner.long_calls.back().body.clear();
    runner.long_calls.back().file = std::move(file);
    return;
  }
  scratch_ += encoder_.before();
  auto head = *wire::read_call_head(scratch_);
  head.argument_count = encoder_.fixed_count() + 1;
  wire::write_call_head(scratch_.data(), head);
  wire::append_bytes_begin(scratch_);
  LongCall call;
  call.item = index;
  call.body = scratch_;
  call.file = std::move(file);
  call.behind = encoder_.behind();
  call.window = runner.window_bytes;
  runner.long_calls.push_back(std::move(call));
}

// True when the whole of it has gone.
bool Mapper::pump(MapRunner& runner, LongCall& call) {
  while (runner.writable_soon() && call.window > 0) {
    if (call.file && call.body.size() < wire::kPieceBytes) {
      scratch_.resize(wire::kPieceBytes);
      const std::ptrdiff_t n = read_full(call.file.get(), scratch_.data(), scratch_.size());
      if (n < 0)
        throw system_error("cannot read '" + window_[call.item].text + "'", errno).with_fate(Fate::unknown);
      scratch_.resize(static_cast<std::size_t>(n));
      if (call.as_input)
        call.body += scratch_;
      else if (n > 0)
        wire::append_bytes_chunk(call.body, scratch_);
      if (static_cast<std::size_t>(n) < wire::kPieceBytes) {
        call.file.reset();
        if (!call.as_input) wire::append_bytes_end(call.body);
        call.body += call.behind;
      }
    }
    const std::size_t size = std::min<std::uint64_t>({wire::kPieceBytes, call.window, call.body.size()});
    const bool last = !call.file && size == call.body.size();
    const std::uint8_t flags = last || call.as_input ? 0 : wire::flag::more;
    if (size > 0 || !call.as_input)
      wire::append_frame(runner.pending, call.as_input ? FrameType::input : FrameType::call, flags,
                         call.item + 1, std::string_view(call.body).substr(0, size));
    call.body.erase(0, size);
    call.window -= size;
    if (!last) continue;
    if (task_.streaming) wire::append_frame(runner.pending, FrameType::end_input, 0, call.item + 1, {});
    return true;
  }
  return false;
}

void Mapper::pump(MapRunner& runner) {
  while (runner.shipment && runner.shipment->wants_to_send() && runner.writable_soon())
    runner.shipment->fill(runner.pending);
  for (std::size_t i = 0; i < runner.long_calls.size();) {
    const ItemIndex item = runner.long_calls[i].item;
    bool gone = true;
    try {
      gone = pump(runner, runner.long_calls[i]);
    } catch (Error& error) {
      if (error.kind != ErrorKind::system) throw;
      // Half of it is there: the call must not run on what came.
      wire::append_frame(runner.pending, FrameType::cancel, 0, item + 1, {});
      window_[item].error = std::make_unique<Error>(std::move(error));
    }
    if (gone)
      runner.long_calls.erase(runner.long_calls.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
}

void Mapper::flush_runners() {
  for (const auto& runner : runners_) {
    if (!runner) continue;
    try {
      pump(*runner);
      runner->send_pending();
    } catch (const Error& error) {
      if (error.kind != ErrorKind::lost && error.kind != ErrorKind::draining) throw;
      lost(*runner, error);
    }
  }
}

}  // namespace flame::client
