#include "backends/fly/reach.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <boost/json.hpp>
#include <memory>

#include "backends/fly/members.hpp"
#include "backends/fly/relay.hpp"
#include "base/error.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;

std::string url_of(const PoolConfig& config, const std::string& app) {
  if (!config.proxy_url.empty()) return config.proxy_url;
  return "https://" + app + ".fly.dev:" + std::to_string(config.proxy_port);
}

std::string host_in(const std::string& url) {
  const std::size_t from = url.find("://") + 3;
  return url.substr(from, url.find('/', from) - from);
}

// An interface of this computer has an address of Fly's private network (fdaa::/16).
bool on_private_network() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, &::freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET6) continue;
    const auto& bytes = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr.s6_addr;
    if (bytes[0] == 0xfd && bytes[1] == 0xaa) return true;
  }
  return false;
}

}  // namespace

json::object proxy_address(const Request& request, const PoolConfig& config, const std::string& app,
                           const FlyMachine& machine) {
  const std::string url = url_of(config, app);
  return {{"unix", relay_socket(request.runtime_dir, url, request.number_setting("idle_timeout_ms"))},
          {"token", machine.token},
          {"headers", {{"Host", host_in(url)}, {"fly-force-instance-id", machine.id}}}};
}

void check_public_address(Api& api, Deadline deadline) {
  const Answer answer = api.addresses(deadline);
  if (answer.meaning != Meaning::done) throw error_from(answer, "asking for the app's addresses");
  const auto* list = answer.body.if_array();
  if (list == nullptr) list = member(answer.body, "ips").if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
    if (text((*list)[i], "ip").find(':') == std::string::npos || !text((*list)[i], "ip").starts_with("fd"))
      return;
  throw Error(ErrorKind::config,
              "the app '" + api.identity().app + "' has no public address for connect = \"proxy\"",
              "'fly ips allocate-v4 --shared' and 'fly ips allocate-v6' give it one");
}

std::string reach_hint(const PoolConfig& config, const FlyMachine& machine) {
  const bool direct = on_private_network() || machine.private_ip.starts_with("127.");
  if (config.proxy)
    return direct ? "this computer is on the private network: connect = \"6pn\" works from here"
                  : "is the port " + std::to_string(config.proxy_port) +
                        " the app's own? Only the proxy works from here, or 'fly wireguard create'";
  if (direct) return "its network is reached from here; what it says: 'flame pool logs " + machine.name + "'";
  return "this computer is not on the app's private network: 'fly wireguard create' joins it; connect = "
         "\"proxy\" "
         "in flame.toml works from here as it is";
}

}  // namespace flame::backend::fly
