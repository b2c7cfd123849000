#include "backends/fly/keep_lease.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "backends/fly/members.hpp"
#include "base/error.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr int kTries = 3;

// What a client keeps of its lease: "ID NONCE".
struct Held {
  std::string id, nonce;
};

Held held_in(const std::string& lease) {
  const std::size_t space = lease.find(' ');
  if (space == lease.npos) return {};
  return {lease.substr(0, space), lease.substr(space + 1)};
}

std::string record_name(const Request& request) { return "flame-" + request.pool + "-keeper"; }

// The smallest guest, never launched: it costs what its disk does.
json::value record_body(const Request& request, const std::string& image) {
  return {{"name", record_name(request)},
          {"skip_launch", true},
          {"skip_service_registration", true},
          {"config",
           {{"image", image},
            {"guest", {{"cpu_kind", "shared"}, {"cpus", 1}, {"memory_mb", 256}}},
            {"restart", {{"policy", "no"}}},
            {"metadata", {{kKeeperKey, request.pool}}}}}};
}

// Its id: that of one just made, or of the one that is there.
std::string record_id(Api& api, const Request& request, const std::string& image) {
  const Answer answer = api.create(record_body(request, image), request.deadline);
  if (answer.meaning == Meaning::done) return text(answer.body, "id");
  if (answer.meaning == Meaning::name_taken && !answer.holder.empty()) return answer.holder;
  throw error_from(answer, "making the record '" + record_name(request) + "'");
}

// A record that was destroyed may still take leases for a while; its name is others' by then.
bool is_there(Api& api, const std::string& id, Deadline deadline) {
  const Answer answer = api.get(id, deadline);
  if (answer.meaning == Meaning::not_found) return false;
  const std::string state = text(answer.body, "state");
  return state != "destroyed" && state != "destroying";
}

}  // namespace

json::object keep_lease(Api& api, const Request& request, const std::function<std::string()>& image) {
  const auto seconds = static_cast<std::int64_t>(request.ttl_ms / 1000);
  Held held = held_in(request.lease);
  if (!held.id.empty() && !is_there(api, held.id, request.deadline)) held = {};
  for (int tries = 0; tries < kTries; ++tries) {
    if (held.id.empty()) held = {record_id(api, request, image()), ""};
    const Answer answer =
        api.lease(held.id, std::max<std::int64_t>(seconds, 1), request.holder, held.nonce, request.deadline);
    if (answer.meaning == Meaning::done) {
      const std::string nonce = text(member(answer.body, "data"), "nonce");
      if (!nonce.empty()) return {{"lease", held.id + " " + nonce}};
    }
    if (answer.meaning == Meaning::transient && answer.status == 409)
      throw Error(ErrorKind::busy, "another keeper has the lease: " + answer.text);
    // The record is gone, or what we have of it is of no use: from the beginning.
    if (answer.meaning != Meaning::not_found && answer.meaning != Meaning::invalid &&
        answer.meaning != Meaning::done)
      throw error_from(answer, "leasing '" + record_name(request) + "'");
    held = {};
  }
  throw Error(ErrorKind::unreachable, "the record '" + record_name(request) + "' cannot be leased");
}

json::object release_lease(Api& api, const Request& request) {
  const Held held = held_in(request.lease);
  if (held.id.empty()) return {};
  const Answer answer = api.destroy(held.id, true, request.deadline, held.nonce);
  if (answer.meaning != Meaning::done && answer.meaning != Meaning::not_found)
    throw error_from(answer, "dropping the record '" + record_name(request) + "'");
  return {};
}

json::object record_object(const FlyMachine& record) {
  return {{"name", record.name},
          {"pool", record.keeper},
          {"state", "stopped"},
          {"generation", ""},
          {"created_at_ms", record.created_at_ms},
          {"price_per_second", 0.0}};
}

}  // namespace flame::backend::fly
