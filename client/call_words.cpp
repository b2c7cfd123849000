#include "client/call_words.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "client/json_text.hpp"

namespace flame::client {
namespace json = boost::json;

namespace {

void log(const json::object& said, const CallEvents& events) {
  if (events.on_log && said.contains("level") && said.contains("text"))
    events.on_log(text_of(said, "level"), text_of(said, "text"));
}

void progress(const json::object& said, const CallEvents& events) {
  if (events.on_progress)
    events.on_progress(
        {number_of(said, "done").value_or(0), number_of(said, "total"), text_of(said, "note")});
}

void usage(const json::object& said, const CallEvents& events) {
  if (!events.on_usage) return;
  const auto number = [&](const char* key) { return std::max(0.0, number_of(said, key).value_or(0)); };
  events.on_usage(
      {number("queue_ms"), number("load_ms"), number("run_ms"), number("cpu_ms"), number("peak_bytes")});
}

}  // namespace

json::object object_of(std::string_view body) {
  boost::system::error_code why;
  json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  return !why && value.is_object() ? std::move(value.get_object()) : json::object();
}

void hand_out_words(const wire::Frame& frame, const CallEvents& events) {
  const json::object said = object_of(frame.body);
  if (frame.type == wire::FrameType::log) log(said, events);
  if (frame.type == wire::FrameType::progress) progress(said, events);
  if (frame.type == wire::FrameType::usage) usage(said, events);
}

}  // namespace flame::client
