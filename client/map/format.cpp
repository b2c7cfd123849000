#include "client/map/format.hpp"

#include <boost/json.hpp>

#include "base/text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;

std::string quoted(std::string_view text) {
  return json::serialize(json::string_view(text.data(), text.size()));
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  if (valid_utf8(text)) {
    ((out += ",\"") += name) += "\":";
    out += quoted(text);
  } else {
    (((out += ",\"") += name) += "\":\"") += base64(text);
    ((out += "\",\"") += name) += "_encoding\":\"base64\"";
  }
}

void append_record(std::string& out, const MapSettings& settings, const Item& item, std::string_view result,
                   std::string_view runner, double ms) {
  out += "{\"seq\":" + std::to_string(item.number);
  if (settings.from == ItemFormat::json && !item.error)
    (out += ",\"item\":") += item.text;
  else
    append_text(out, "item", item.text);
  if (item.error) {
    const Error& error = *item.error;
    json::object body = {{"kind", error_kind_name(error.kind)}, {"fate", fate_name(error.fate)}};
    body["message"] = printable(error.message);
    if (error.kind == ErrorKind::failed) body["code"] = error.code;
    if (error.signal != 0) body["signal"] = error.signal;
    (out += ",\"error\":") += json::serialize(body);
  } else if ((item.flags & wire::flag::bytes) != 0) {
    append_text(out, "result", result);
  } else {
    (out += ",\"result\":") += (item.flags & wire::flag::none) != 0 ? "null" : result;
  }
  out += ",\"ms\":" + std::to_string(static_cast<std::int64_t>(ms * 1000) / 1000.0);
  out += ",\"runner\":" + quoted(runner) + "}\n";
}

}  // namespace

void append_result(std::string& out, const MapSettings& settings, const Item& item, std::string_view result,
                   std::string_view runner, double ms) {
  if (settings.to == ResultFormat::records) return append_record(out, settings, item, result, runner, ms);
  if (item.error) return;
  const bool none = (item.flags & wire::flag::none) != 0;
  if (none && !settings.tag) return;
  if (settings.tag) (out += item.text) += '\t';
  const bool string = settings.to == ResultFormat::raw && result.starts_with('"');
  if (string && (item.flags & wire::flag::bytes) == 0)
    out += json::value_to<std::string>(json::parse(json::string_view(result.data(), result.size())));
  else
    out += result;
  out += settings.terminator;
}

std::string shown_item(std::string_view text) {
  constexpr std::size_t kShownBytes = 80;
  std::size_t cut = std::min(text.size(), kShownBytes);
  while (cut < text.size() && cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return printable(text.substr(0, cut)) + (cut < text.size() ? "…" : "");
}

}  // namespace flame::client
