#include "errors.hpp"

#include <boost/json.hpp>

#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;

ApiError api_error(unsigned status, std::string_view text, std::string_view code) {
  json::object body{{"error", text}};
  if (!code.empty()) body["status"] = code;
  return {status, json::serialize(body)};
}

ApiError bad_request(std::string_view text) { return api_error(400, text); }

ApiError wrong_type(std::string_view found, std::string_view wanted) {
  return bad_request("json: cannot unmarshal " + std::string(found) + " into Go value of type " +
                     std::string(wanted));
}

ApiError precondition(std::string_view text) {
  return api_error(412, "failed_precondition: " + std::string(text));
}

ApiError machine_not_found() { return api_error(404, "machine not found"); }
ApiError app_not_found() { return api_error(404, "app not found"); }

ApiError name_in_use(std::string_view id, std::string_view name) {
  return api_error(409, "already_exists: unique machine name violation, machine ID " + std::string(id) +
                            " already exists with name \"" + std::string(name) + "\"");
}

// A shape of its own: no "error", but "message".
ApiError lease_held(std::string_view id, std::string_view owner, std::int64_t expires_at_s) {
  const json::object body{
      {"status", "error"},
      {"message", "machine ID " + std::string(id) + " lease currently held by " + std::string(owner) +
                      ", expires at " + rfc3339(expires_at_s * 1000)},
      {"code", "invalid"}};
  return {409, json::serialize(body)};
}

ApiError cannot_start_from(std::string_view state) {
  return precondition("unable to start machine from current state: '" + std::string(state) + "'");
}

ApiError wait_expired(std::string_view wanted, std::string_view current) {
  return api_error(408, "deadline_exceeded: machine failed to reach desired state, " + std::string(wanted) +
                            ", currently " + std::string(current));
}

ApiError rate_limited() { return api_error(429, "rate limit exceeded"); }

ApiError capacity_error(std::string_view name, std::string_view region, std::string_view org) {
  if (name == "insufficient_capacity")
    return api_error(422, "could not find a candidate host", "insufficient_capacity");
  if (name == "race")
    return api_error(409, "aborted: insufficient resources available to fulfill request: no host in " +
                              std::string(region));
  if (name == "no_capacity") return api_error(409, "aborted: no capacity");
  if (name == "legacy") return api_error(412, "no capacity found");
  if (name == "quota")
    return api_error(403, "organization \"" + std::string(org) + "\" is using 8192 MB of memory in " +
                              std::string(region) +
                              " which is over the allowed quota. please consider other regions");
  if (name == "host_full")
    return api_error(409,
                     "aborted: could not reserve resource for machine: insufficient memory available to "
                     "fulfill request");
  if (name == "volume")
    return api_error(412, "insufficient resources to create new machine with existing volume 'vol_0'",
                     "volume_placement_capacity");
  if (name == "payment")
    return api_error(422, "To create more than 1 machine per app please add a payment method");
  if (name == "maintenance")
    return api_error(503, "unavailable: deploys to this host are temporarily disabled, please try later");
  return {0, {}};
}

}  // namespace flame::fly
