#include "backends/fly/identity.hpp"

#include <unistd.h>

#include <toml++/toml.h>
#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::backend::fly {
namespace json = boost::json;
namespace {

constexpr std::size_t kFileMaxBytes = 1024 * 1024;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool has_prefix(std::string_view text, std::string_view wanted) {
  if (text.size() < wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if ((text[i] | 0x20) != (wanted[i] | 0x20)) return false;
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n\"'");
  return from == text.npos ? "" : text.substr(from, text.find_last_not_of(" \t\r\n\"'") - from + 1);
}

// The value of `key:` at the top of a YAML file; flyctl writes its own so plainly that this is enough.
std::string yaml_value(const std::string& text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(":"))
      return std::string(trimmed(line.substr(key.size() + 1)));
    at = end + 1;
  }
  return {};
}

std::string setting(const json::object& settings, const char* key) {
  const auto* value = settings.if_contains(key);
  return value != nullptr && value->is_string() ? json::value_to<std::string>(*value) : std::string();
}

// `app` of the nearest fly.toml from directory upward.
std::optional<std::string> app_in_fly_toml(std::string directory, std::string& source) {
  while (!directory.empty()) {
    const std::string path = directory + (directory == "/" ? "fly.toml" : "/fly.toml");
    if (::access(path.c_str(), R_OK) == 0) {
      source = path;
      try {
        const toml::table table = toml::parse(read_file(path, kFileMaxBytes), path);
        return table["app"].value<std::string>();
      } catch (const toml::parse_error& error) {
        throw Error(ErrorKind::config, path + ": " + std::string(error.description()));
      }
    }
    if (directory == "/") break;
    directory = directory.substr(0, directory.rfind('/'));
    if (directory.empty()) directory = "/";
  }
  return std::nullopt;
}

std::string find_app(const json::object& settings, std::string& source) {
  source = "app in flame.toml";
  if (std::string app = setting(settings, "app"); !app.empty()) return app;
  for (const char* name : {"FLY_APP_NAME", "FLY_APP"}) {
    source = name;
    if (std::string app = environment(name); !app.empty()) return app;
  }
  if (auto app = app_in_fly_toml(setting(settings, "directory"), source); app && !app->empty()) return *app;
  throw Error(
      ErrorKind::config, "no Fly app is named",
      "name it with app = \"…\" in flame.toml, in FLY_APP_NAME, or run in a directory with a fly.toml");
}

std::string find_token() {
  for (const char* name : {"FLY_API_TOKEN", "FLY_ACCESS_TOKEN"})
    if (std::string token = environment(name); !token.empty()) return token;
  const std::string path = environment("HOME") + "/.fly/config.yml";
  if (::access(path.c_str(), R_OK) == 0)
    if (std::string token = yaml_value(read_file(path, kFileMaxBytes), "access_token"); !token.empty())
      return token;
  throw Error(ErrorKind::config, "no Fly API token: neither FLY_API_TOKEN nor ~/.fly/config.yml has one",
              "export FLY_API_TOKEN=\"$(fly tokens create deploy)\", or log in with 'fly auth login'");
}

std::string without_slash(std::string url) {
  while (url.ends_with("/")) url.pop_back();
  return url;
}

}  // namespace

std::string authorization_for(std::string_view token) {
  for (bool again = true; again;) {
    again = false;
    token = trimmed(token);
    for (const std::string_view scheme : {"bearer ", "flyv1 "})
      if (has_prefix(token, scheme)) {
        token.remove_prefix(scheme.size());
        again = true;
      }
  }
  bool macaroon = false;
  for (std::size_t at = 0; at <= token.size();) {
    const std::size_t end = std::min(token.find(',', at), token.size());
    const std::string_view part = trimmed(token.substr(at, end - at));
    macaroon = macaroon || part.starts_with("fm1r_") || part.starts_with("fm2_");
    at = end + 1;
  }
  if (token.find_first_of("\r\n") != token.npos)
    throw Error(ErrorKind::config, "the Fly API token has a line break in it",
                "export it again, as one line");
  return (macaroon ? "FlyV1 " : "Bearer ") + std::string(token);
}

Identity find_identity(const json::object& settings) {
  Identity out;
  out.app = find_app(settings, out.source);
  if (out.app.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != out.app.npos)
    throw Error(ErrorKind::config, "'" + out.app + "' (from " + out.source + ") is not the name of a Fly app",
                "names hold lower-case letters, digits and dashes");
  out.authorization = authorization_for(find_token());
  const std::string given = environment("FLY_FLAPS_BASE_URL");
  const bool inside = !environment("FLY_MACHINE_ID").empty();
  out.api = without_slash(!given.empty() ? given
                          : inside       ? "http://_api.internal:4280"
                                         : "https://api.machines.dev");
  const std::string logs = environment("FLY_API_BASE_URL");
  out.logs_api = without_slash(!logs.empty() ? logs : !given.empty() ? given : "https://api.fly.io");
  return out;
}

}  // namespace flame::backend::fly
