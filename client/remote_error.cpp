#include "client/remote_error.hpp"

#include <boost/json.hpp>

#include "base/plain_why.hpp"

namespace flame::client {

namespace json = boost::json;

Error remote_error(std::string_view body) {
  try {
    const json::value value = json::parse(json::string_view(body.data(), body.size()));
    const auto text = [&](const char* key) {
      const auto* item = value.as_object().if_contains(key);
      return item != nullptr && item->is_string() ? json::value_to<std::string>(*item) : std::string();
    };
    const auto number = [&](const char* key) {
      const auto* item = value.as_object().if_contains(key);
      return item != nullptr && item->is_int64() ? static_cast<int>(item->get_int64()) : 0;
    };
    Error error(error_kind_from_name(text("kind")).value_or(ErrorKind::internal), text("message"),
                text("hint"));
    error.with_fate(fate_from_name(text("fate")).value_or(Fate::unknown)).at_phase(text("phase"));
    error.type = text("type");
    error.code = number("code");
    error.signal = number("signal");
    if (const auto* crash = value.as_object().if_contains("crash")) error.crash = json::serialize(*crash);
    return error;
  } catch (const std::exception& why) {
    return Error(ErrorKind::protocol, "the runner's error cannot be read: " + plain_why(why))
        .with_fate(Fate::unknown);
  }
}

}  // namespace flame::client
