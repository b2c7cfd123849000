// Metadata: a map inside the config, changed without a new version.
#include "api.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

json::object& metadata(Exchange& x) {
  auto& value = x.machine->config()["metadata"];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

void set(Exchange& x, std::string_view key, const json::value& value) {
  if (value.is_null() || (value.is_string() && value.get_string().empty()))
    metadata(x).erase(key);
  else if (value.is_string())
    metadata(x)[key] = value;
  else
    throw wrong_type("number", "string");
  x.changed("machine " + x.machine->id + " metadata " + std::string(key));
}

}  // namespace

void get_metadata(Exchange& x) { x.reply(200, metadata(x)); }

void patch_metadata(Exchange& x) {
  const json::object body = x.body_object();
  const std::string version = text(body, "machine_version");
  if (!version.empty() && version != x.machine->instance_id()) throw precondition("machine version mismatch");
  const auto* values = member(body, "metadata");
  if (values == nullptr) throw bad_request("invalid_argument: metadata is required");
  for (const auto& [key, value] : *values)
    if (!value.is_null() && !value.is_string()) throw wrong_type("number", "string");
  for (const auto& [key, value] : *values) set(x, key, value);
  x.reply_empty(204);
}

void get_metadata_key(Exchange& x) {
  const auto* value = metadata(x).if_contains(x.parameters["key"]);
  if (value == nullptr) throw api_error(404, "metadata key not found");
  x.reply(200, json::object{{"value", *value}});
}

void set_metadata_key(Exchange& x) {
  const json::object body = x.body_object();
  const auto* value = body.if_contains("value");
  if (value == nullptr) throw bad_request("invalid_argument: value is required");
  set(x, x.parameters["key"], *value);
  x.reply_empty(204);
}

void delete_metadata_key(Exchange& x) {
  set(x, x.parameters["key"], nullptr);
  x.reply_empty(204);
}

}  // namespace flame::fly::api
