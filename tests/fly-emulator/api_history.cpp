// What a machine was and is: events, versions, processes, memory.
#include <algorithm>
#include <charconv>

#include "api.hpp"
#include "machine_json.hpp"

namespace flame::fly::api {
namespace json = boost::json;

void events(Exchange& x) {
  std::size_t limit = 20;
  if (const auto asked = x.request.parameter("limit")) {
    const auto [end, failed] = std::from_chars(asked->data(), asked->data() + asked->size(), limit);
    if (failed != std::errc() || end != asked->data() + asked->size() || limit == 0)
      throw bad_request("invalid_argument: limit must be a positive number");
  }
  limit = std::min<std::size_t>(limit, 50);
  json::array out;
  for (auto event = x.machine->events.rbegin(); event != x.machine->events.rend() && out.size() < limit;
       ++event)
    out.push_back(event_json(*event));
  x.reply(200, out);
}

void versions(Exchange& x) {
  json::array out;
  for (auto version = x.machine->versions.rbegin(); version != x.machine->versions.rend(); ++version)
    out.push_back(json::object{{"version", version->instance_id}, {"user_config", version->config}});
  x.reply(200, out);
}

void ps(Exchange& x) {
  if (x.machine->state() != State::started || !x.machine->process) throw precondition("machine not running");
  x.reply(200, x.machine->process->list());
}

void get_memory(Exchange& x) {
  const std::int64_t limit = guest_of(x.machine->config()).memory_mb;
  x.reply(200, json::object{{"limit_mb", limit}, {"available_mb", limit}});
}

void put_memory(Exchange& x) {
  const json::object body = x.body_object();
  const auto* limit = body.if_contains("limit_mb");
  const std::int64_t most = guest_of(x.machine->config()).memory_mb;
  if (limit == nullptr || !limit->is_int64() || limit->get_int64() <= 0 || limit->get_int64() > most)
    throw bad_request("invalid_argument: limit_mb must be inside range [1, " + std::to_string(most) + "]");
  x.reply(200, json::object{{"limit_mb", limit->get_int64()}, {"available_mb", most}});
}

void reclaim_memory(Exchange& x) {
  const json::object body = x.body_object();
  const auto* amount = body.if_contains("amount_mb");
  if (amount == nullptr || !amount->is_int64() || amount->get_int64() < 0)
    throw bad_request("invalid_argument: amount_mb is required");
  x.reply(200, json::object{
                   {"actual_mb", std::min(amount->get_int64(), guest_of(x.machine->config()).memory_mb)}});
}

}  // namespace flame::fly::api
