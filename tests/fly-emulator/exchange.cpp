#include "exchange.hpp"

#include <cstdio>

#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;

Exchange::Exchange(World& world_in, Request request_in, Answer answer)
    : world(world_in), request(std::move(request_in)), answer_(std::move(answer)) {
  entry.when_ms = unix_ms();
  entry.method = request.method;
  entry.path = request.target;
  entry.request_id = world.random.ulid(entry.when_ms) + "-" + world.options.region;
}

FaultPlace Exchange::place() const {
  return {action,
          machine ? std::string_view(machine->id) : std::string_view(),
          machine ? std::string_view(machine->region) : std::string_view(),
          app != nullptr ? std::string_view(app->name) : std::string_view(),
          {}};
}

const Fault* Exchange::strike(std::string_view kind) {
  const Fault* fault = world.faults.strike(kind, place());
  if (fault != nullptr) entry.faults.emplace_back(kind);
  return fault;
}

void Exchange::reply(unsigned status, const json::value& body) {
  send(status, "application/json", json::serialize(body));
}
void Exchange::reply_text(unsigned status, std::string content_type, std::string body) {
  send(status, std::move(content_type), std::move(body));
}
void Exchange::fail(const ApiError& error) { send(error.status, "application/json", error.body); }

// Faults that strike an answer: what was done is done.
void Exchange::send(unsigned status, std::string content_type, std::string body) {
  Reply out;
  out.status = status;
  out.content_type = std::move(content_type);
  out.body = std::move(body);
  out.headers = std::move(headers_);
  out.headers.emplace_back("fly-request-id", entry.request_id);
  const bool ours = action.empty();  // of the emulator itself: never struck
  if (const Fault* fault = ours || status >= 400 ? nullptr : strike("ghost"); fault != nullptr) {
    const ApiError late = api_error(408, "deadline_exceeded: context deadline exceeded");
    out.status = late.status;
    out.body = late.body;
  }
  if (!ours && strike("lost_reply") != nullptr) out.delivery = Delivery::lost;
  if (!ours && strike("cut") != nullptr) out.delivery = Delivery::cut;
  if (const Fault* fault = ours ? nullptr : strike("delay"); fault != nullptr) out.delay_ms = fault->delay_ms;
  if (action == "create" && status == 200) out.delay_ms += world.delay(world.settings.create_reply);
  entry.status = out.status;
  if (out.delivery != Delivery::whole) entry.delivery = out.delivery == Delivery::lost ? "lost" : "cut";
  if (!ours) {
    if (!world.options.quiet) std::printf("%s\n", Journal::line(entry).c_str()), std::fflush(stdout);
    world.journal.add(entry);
  }
  answer_(std::move(out));
}

json::object Exchange::body_object() const {
  if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return {};
  boost::system::error_code failed;
  json::parse_options options;
  options.max_depth = 64;
  const json::value value = json::parse(request.body, failed, {}, options);
  if (failed) throw bad_request("invalid character in request body: " + failed.message());
  if (value.is_null()) return {};
  if (!value.is_object())
    throw wrong_type(value.is_array()    ? "array"
                     : value.is_string() ? "string"
                                         : "number",
                     "a request object");
  return value.get_object();
}

void Exchange::check_lease() const {
  const std::int64_t now = unix_ms();
  const Lease* lease = machine->live_lease(now);
  if (lease == nullptr || request.header("fly-machine-lease-nonce") == lease->nonce) return;
  throw lease_held(machine->id, lease->owner, lease->expires_at_s);
}

}  // namespace flame::fly
