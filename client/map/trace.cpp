#include "client/map/trace.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "client/map/format.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kGatherBytes = 64 * 1024;
std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::string_view(text)); }

}  // namespace

Trace::Trace(const std::string& path)
    : path_(path), fd_(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666)) {
  text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
}

Trace::~Trace() {
  text_ += "\n]}\n";
  write_all(fd_.get(), text_);
}

std::int64_t Trace::us(Clock::time_point at) const {
  return std::max<std::int64_t>(0,
                                std::chrono::duration_cast<std::chrono::microseconds>(at - start_).count());
}

void Trace::begin_event(const char* phase, std::uint32_t process, std::size_t thread) {
  text_ += first_ ? "\n" : ",\n";
  first_ = false;
  ((text_ += "{\"ph\":\"") += phase) +=
      "\",\"pid\":" + std::to_string(process) + ",\"tid\":" + std::to_string(thread);
}

Trace::Rows& Trace::rows_of(std::string_view runner) {
  if (const auto found = runners_.find(runner); found != runners_.end()) return found->second;
  Rows& rows = runners_[std::string(runner)];
  rows.process = static_cast<std::uint32_t>(runners_.size());
  begin_event("M", rows.process, 0);
  text_ += ",\"name\":\"process_name\",\"args\":{\"name\":" + quoted(runner) + "}}";
  return rows;
}

void Trace::call(const Span& span) {
  Rows& rows = rows_of(span.runner);
  std::int64_t from = us(span.from);
  std::int64_t to = us(span.to);
  auto row = std::find_if(rows.free_at_us.begin(), rows.free_at_us.end(),
                          [&](std::int64_t at) { return at <= from; });
  if (row == rows.free_at_us.end() && rows.free_at_us.size() < span.slots) {
    begin_event("M", rows.process, rows.free_at_us.size() + 1);
    text_ += ",\"name\":\"thread_name\",\"args\":{\"name\":\"slot " +
             std::to_string(rows.free_at_us.size() + 1) + "\"}}";
    row = rows.free_at_us.insert(rows.free_at_us.end(), 0);
  }
  // Our clock sees an end some time after it: what seems to overlap began when the row was free.
  if (row == rows.free_at_us.end()) {
    row = std::min_element(rows.free_at_us.begin(), rows.free_at_us.end());
    from = *row;
    to = std::max(to, from);
  }
  *row = to;
  begin_event("X", rows.process, static_cast<std::size_t>(row - rows.free_at_us.begin()) + 1);
  text_ += ",\"cat\":\"call\",\"ts\":" + std::to_string(from) + ",\"dur\":" + std::to_string(to - from) +
           ",\"name\":" + quoted(shown_item(span.name)) + ",\"args\":{\"item\":" + std::to_string(span.item) +
           ",\"outcome\":" + quoted(span.outcome) + "}}";
  if (text_.size() > kGatherBytes) flush();
}

void Trace::boot(std::string_view runner, Clock::time_point from, Clock::time_point to) {
  const std::uint32_t process = rows_of(runner).process;
  begin_event("X", process, 0);
  text_ += ",\"cat\":\"boot\",\"name\":\"boot\",\"ts\":" + std::to_string(us(from)) +
           ",\"dur\":" + std::to_string(us(to) - us(from)) + ",\"args\":{}}";
}

void Trace::flush() {
  if (!write_all(fd_.get(), text_)) throw system_error("cannot write the trace '" + path_ + "'", errno);
  text_.clear();
}

}  // namespace flame::client
