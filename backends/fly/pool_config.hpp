// What flame.toml says of a pool on Fly, read from a request's settings; and the machine that it makes.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "backends/fly/guest.hpp"
#include "backends/kit/serve.hpp"

namespace flame::backend::fly {

struct PoolConfig {
  std::string image;                                   // empty: the app's own
  std::vector<std::string> regions;                    // in order of preference; empty: near the caller
  std::vector<Guest> guests;                           // the wanted one, then fallback_guests
  std::string runner = "/usr/local/bin/flame-runner";  // in the image
  std::uint64_t port = 8899;
  std::string listen = "$FLY_PRIVATE_IP";  // behind the proxy: 0.0.0.0
  bool proxy = false;                      // connect = "proxy"
  std::uint64_t proxy_port = 8899;         // public, and this pool's alone
  std::string proxy_url;                   // empty: https://APP.fly.dev:PROXY_PORT
  bool keep_stopped = false;               // when_idle = "stop": an idle machine stays, stopped
  std::uint64_t drain_timeout_s = 60;
  std::vector<std::string> machine_env;  // names that machines get from the environment of who boots them
};

// Throws Error(config) for an illegal value, before anything is asked of the API.
PoolConfig read_pool_config(const Request& request);

// The body of a create. token: of the runner to be.
boost::json::value create_body(const Request& request, const PoolConfig& config, const Guest& guest,
                               const std::string& image, const std::string& token);

}  // namespace flame::backend::fly
