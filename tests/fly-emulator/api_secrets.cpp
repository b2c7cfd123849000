#include "api.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

json::object secret_json(const std::string& name, const Secret& secret, bool with_value) {
  json::object out{{"name", name},
                   {"digest", hex(sha256(secret.value)).substr(0, 16)},
                   {"created_at", rfc3339(secret.created_at_ms)},
                   {"updated_at", rfc3339(secret.updated_at_ms)}};
  if (with_value) out["value"] = secret.value;
  return out;
}

void put(Exchange& x, const std::string& name, const json::value& value) {
  if (value.is_null()) {
    x.app->secrets.erase(name);
  } else {
    const std::int64_t now = unix_ms();
    auto& secret = x.app->secrets.try_emplace(name, Secret{"", now, now}).first->second;
    secret.value = value.get_string();
    secret.updated_at_ms = now;
  }
  x.changed("secret " + name);
}

void check(const json::value& value) {
  if (!value.is_null() && !value.is_string()) throw wrong_type("number", "string");
}

json::array all(const Exchange& x) {
  json::array out;
  for (const auto& [name, secret] : x.app->secrets)
    out.push_back(secret_json(name, secret, x.request.has_flag("show_secrets")));
  return out;
}

}  // namespace

void list_secrets(Exchange& x) { x.reply(200, json::object{{"secrets", all(x)}}); }

void set_secrets(Exchange& x) {
  const json::object body = x.body_object();
  const auto* values = member(body, "values");
  if (values == nullptr) throw bad_request("invalid_argument: values is required");
  for (const auto& [name, value] : *values) check(value);
  for (const auto& [name, value] : *values) put(x, name, value);
  x.reply(200, json::object{{"secrets", all(x)}, {"version", ++x.app->secrets_version}});
}

void set_secret(Exchange& x) {
  const json::object body = x.body_object();
  const auto* value = body.if_contains("value");
  if (value == nullptr || !value->is_string()) throw bad_request("invalid_argument: value is required");
  const std::string name = x.parameters["key"];
  put(x, name, *value);
  json::object out = secret_json(name, x.app->secrets[name], false);
  out["version"] = ++x.app->secrets_version;
  x.reply(201, out);
}

void delete_secret(Exchange& x) {
  if (!x.app->secrets.contains(x.parameters["key"])) throw api_error(404, "secret not found");
  put(x, x.parameters["key"], nullptr);
  x.reply(200, json::object{{"version", ++x.app->secrets_version}});
}

}  // namespace flame::fly::api
