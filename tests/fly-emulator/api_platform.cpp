// What is not of one machine: regions, placements, tokens, logs.
#include <algorithm>

#include "api.hpp"
#include "regions.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;

// PascalCase, as on the wire.
void region_list(Exchange& x) {
  json::array out;
  for (const Region& region : regions())
    out.push_back(json::object{{"Code", region.code},
                               {"Name", region.name},
                               {"Deprecated", false},
                               {"GatewayAvailable", true},
                               {"RequiresPaidPlan", false}});
  x.reply(200, json::object{{"Regions", std::move(out)}, {"Nearest", x.world.options.region}});
}

void placements(Exchange& x) {
  const json::object body = x.body_object();
  if (text(body, "org_slug") != x.token->org)
    throw api_error(403, "unauthorized: not allowed to access this organization");
  const auto* count = body.if_contains("count");
  std::int64_t left = count != nullptr && count->is_int64() && count->get_int64() > 0
                          ? std::min<std::int64_t>(count->get_int64(), 10'000)
                          : 1;
  std::vector<std::string> open;
  for (const std::string& region : region_candidates(text(body, "region", "any")))
    if (x.world.faults.standing("capacity", {"create", {}, region, {}, {}}) == nullptr)
      open.push_back(region);
  json::array out;
  const auto share = static_cast<std::int64_t>(
      open.empty() ? 1 : (static_cast<std::size_t>(left) + open.size() - 1) / open.size());
  for (const std::string& region : open) {
    const std::int64_t here = std::min(share, left);
    if (here > 0) out.push_back(json::object{{"Region", region}, {"Count", here}, {"Concurrency", here}});
    left -= here;
  }
  if (open.empty()) throw capacity_error("insufficient_capacity", "", "");
  x.reply(200, json::object{{"Regions", std::move(out)}});
}

void current_token(Exchange& x) {
  const Token& token = *x.token;
  json::array apps;
  if (!token.app.empty()) apps.push_back(json::value(token.app));
  x.reply(200, json::object{{"tokens", json::array{json::object{{"token_id", token.id},
                                                                {"org_slug", token.org},
                                                                {"organization", token.org},
                                                                {"apps", std::move(apps)},
                                                                {"user", ""},
                                                                {"restricted_to_machine", ""},
                                                                {"source_machine_id", ""}}}}});
}

void deploy_token(Exchange& x) {
  Token token;
  token.id = x.world.random.ulid(unix_ms());
  token.value = "FlyV1 fm2_" + x.world.random.hex_digits(32);
  token.org = x.app->org;
  token.app = x.app->name;
  token.kind = TokenKind::deploy;
  if (const std::string expiry = text(x.body_object(), "expiry"); !expiry.empty())
    token.expires_at_ms = unix_ms() + duration_ms(json::value(expiry), "expiry");
  const std::string shown = token.value;
  token.value = token.value.substr(6);  // the scheme is not part of it
  x.world.tokens.add(token);
  x.changed("deploy token " + token.id);
  x.reply(200, json::object{{"token", shown}});
}

void logs(Exchange& x) {
  const Request& request = x.request;
  x.reply(200, x.world.logs.show(x.app->name, {request.parameter("instance").value_or(""),
                                               request.parameter("region").value_or(""),
                                               request.parameter("next_token").value_or("")}));
}

}  // namespace flame::fly::api
