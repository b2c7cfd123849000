// Who the user is at Fly, found as Fly's own tools find it: app, token, and where the API is.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace flame::backend::fly {

struct Identity {
  std::string app;
  std::string authorization;  // the header's whole value: "Bearer …" or "FlyV1 …"; never shown
  std::string api;            // "https://api.machines.dev", no slash at the end
  std::string logs_api;       // "https://api.fly.io"
  std::string source;         // where the app's name came from, for messages
};

// The header's value for a token as it was stored: a scheme that it already has is taken off first; macaroons
// ("fm1r_", "fm2_") go as FlyV1, all others as Bearer.
std::string authorization_for(std::string_view token);

// From the pool's settings ("app", "directory"), the environment, fly.toml (nearest upward from directory)
// and flyctl's ~/.fly/config.yml. Throws Error(config) that says what is missing and how to get it.
Identity find_identity(const boost::json::object& settings);

}  // namespace flame::backend::fly
