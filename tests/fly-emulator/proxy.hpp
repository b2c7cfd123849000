// A small fly-proxy in front of the machines: port 80 (http) and 443 (TLS), whatever their numbers are here.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "proxy_choice.hpp"
#include "world.hpp"

namespace flame::fly {

// One client's connection; known to the proxy while it is open.
class ProxyTunnel {
 public:
  virtual ~ProxyTunnel() = default;
  virtual void goodbye(const std::string& machine) = 0;  // it is going to stop
  virtual void close() = 0;
};

class Proxy {
 public:
  explicit Proxy(World& world);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Port 0: a free one. Returns the port.
  std::uint16_t listen_http(std::uint16_t port);
  std::uint16_t listen_tls(std::uint16_t port);
  const std::string& authority_path() const { return authority_path_; }
  void close();

  World& world;
  Loads loads;
  std::set<ProxyTunnel*> tunnels;
  std::map<std::string, std::int64_t> used_ms;  // when a machine last had a connection
  void opened(const std::string& machine);
  void closed(const std::string& machine);

 private:
  struct Listener;
  std::uint16_t listen(std::uint16_t port, bool tls);
  void await_pass();
  void autostop_pass();
  struct Tls;
  std::unique_ptr<Tls> tls_;
  std::string authority_path_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  boost::asio::steady_timer pass_;
};

}  // namespace flame::fly
