// Leases (fact sheet §2.5): the envelope is real, whatever the specification types.
#include <charconv>

#include "api.hpp"
#include "machine_json.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

constexpr std::int64_t kDefaultSeconds = 10, kMostSeconds = 24 * 3600;

json::object envelope(json::object data) { return {{"status", "success"}, {"data", std::move(data)}}; }

std::int64_t ttl_of(const Request& request, const json::object& body) {
  std::int64_t ttl = kDefaultSeconds;
  if (const auto* value = body.if_contains("ttl"); value != nullptr && !value->is_null()) {
    if (!value->is_int64()) throw wrong_type("string", "int");
    ttl = value->get_int64();
  } else if (const auto text = request.parameter("ttl")) {
    std::from_chars(text->data(), text->data() + text->size(), ttl);
  }
  if (ttl < 1 || ttl > kMostSeconds)
    throw bad_request("invalid_argument: ttl must be inside range [1, 86400]");
  return ttl;
}

}  // namespace

void get_lease(Exchange& x) {
  const Lease* lease = x.machine->live_lease(unix_ms());
  if (lease == nullptr) throw api_error(404, "lease not found");
  x.reply(200, envelope(lease_json(*lease)));
}

void take_lease(Exchange& x) {
  const json::object body = x.body_object();
  const std::int64_t ttl = ttl_of(x.request, body);
  x.check_lease();
  const bool refresh = x.machine->live_lease(unix_ms()) != nullptr;
  const std::int64_t expires_at_s = unix_ms() / 1000 + ttl;
  if (refresh)
    x.machine->lease->expires_at_s = expires_at_s;
  else
    x.machine->lease = Lease{x.world.random.hex_digits(12), x.token->id, text(body, "description"),
                             x.machine->instance_id(), expires_at_s};
  x.changed("machine " + x.machine->id + (refresh ? " lease refreshed" : " leased"));
  x.reply(201, envelope(lease_json(*x.machine->lease)));
}

void drop_lease(Exchange& x) {
  const Lease* lease = x.machine->live_lease(unix_ms());
  const std::string nonce = x.request.header("fly-machine-lease-nonce");
  if (nonce.empty()) throw bad_request("fly-machine-lease-nonce header is required");
  if (lease == nullptr || nonce != lease->nonce) throw bad_request("invalid lease nonce");
  x.machine->lease.reset();
  x.changed("machine " + x.machine->id + " lease released");
  x.reply(200, envelope({{"ok", true}}));
}

}  // namespace flame::fly::api
