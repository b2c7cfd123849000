#include "proxy.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "certificate.hpp"
#include "lifecycle.hpp"
#include "proxy_tunnel.hpp"
#include "times.hpp"

namespace flame::fly {
namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

struct Proxy::Tls {
  Tls() : context(asio::ssl::context::tls_server) {
    const Certificate made = make_certificate();
    authority = made.authority_pem;
    context.use_certificate_chain(asio::buffer(made.chain_pem));
    context.use_private_key(asio::buffer(made.key_pem), asio::ssl::context::pem);
  }
  asio::ssl::context context;
  std::string authority;
};

struct Proxy::Listener : std::enable_shared_from_this<Listener> {
  Listener(Proxy& proxy_in, asio::ssl::context* tls_in)
      : proxy(proxy_in), acceptor(proxy_in.world.loop), tls(tls_in) {}
  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code failed, tcp::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (!failed) start_tunnel(self->proxy, std::move(socket), self->tls);
      self->accept();
    });
  }
  Proxy& proxy;
  tcp::acceptor acceptor;
  asio::ssl::context* tls;
};

Proxy::Proxy(World& world_in) : world(world_in), pass_(world_in.loop) {
  world.before_stop = [this](const Machine& machine) {
    const auto all = tunnels;  // a goodbye may end one
    for (ProxyTunnel* tunnel : all)
      if (tunnels.contains(tunnel)) tunnel->goodbye(machine.id);
  };
  await_pass();
}

Proxy::~Proxy() { close(); }

std::uint16_t Proxy::listen_http(std::uint16_t port) { return listen(port, false); }

std::uint16_t Proxy::listen_tls(std::uint16_t port) {
  tls_ = std::make_unique<Tls>();
  authority_path_ = world.scratch_root + "/proxy-ca.pem";
  write_file_atomic(authority_path_, tls_->authority, 0644);
  return listen(port, true);
}

std::uint16_t Proxy::listen(std::uint16_t port, bool tls) {
  auto listener = std::make_shared<Listener>(*this, tls ? &tls_->context : nullptr);
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(world.options.address), port);
    listener->acceptor = tcp::acceptor(world.loop, endpoint, true);
  } catch (const boost::system::system_error& failed) {
    throw Error(ErrorKind::system,
                "cannot listen on the proxy's port " + std::to_string(port) + ": " + failed.code().message());
  }
  listener->accept();
  listeners_.push_back(listener);
  return listener->acceptor.local_endpoint().port();
}

void Proxy::close() {
  world.before_stop = nullptr;
  pass_.cancel();
  for (auto& listener : listeners_) {
    error_code ignored;
    listener->acceptor.close(ignored);
  }
  const auto all = tunnels;
  for (ProxyTunnel* tunnel : all)
    if (tunnels.contains(tunnel)) tunnel->close();
}

void Proxy::opened(const std::string& machine) {
  ++loads[machine];
  used_ms[machine] = unix_ms();
}

void Proxy::closed(const std::string& machine) {
  if (--loads[machine] == 0) loads.erase(machine);
  used_ms[machine] = unix_ms();
}

void Proxy::await_pass() {
  pass_.expires_after(std::chrono::milliseconds(world.settings.autostop_pass_ms));
  pass_.async_wait([this](error_code failed) {
    if (failed) return;
    autostop_pass();
    await_pass();
  });
}

// One machine per app and region in a pass, and only one that served nobody since the pass before.
void Proxy::autostop_pass() {
  std::map<std::string, std::vector<MachinePtr>> running;
  for (const auto& [id, machine] : world.machines)
    if (machine->state() == State::started && any_service(*machine))
      running[machine->app + "/" + machine->region].push_back(machine);
  for (const auto& [place, machines] : running) {
    auto count = static_cast<std::int64_t>(machines.size());
    for (const MachinePtr& machine : machines) {
      const auto service = any_service(*machine);
      if (!service || (!service->stops && !service->suspends) || count <= service->min_running ||
          loads.contains(machine->id))
        continue;
      const std::int64_t last = std::max(used_ms[machine->id], machine->runs.back().from_ms);
      if (unix_ms() - last < world.settings.autostop_pass_ms) continue;
      try {
        const StopRule rule = stop_of(machine->config());
        service->suspends ? suspend_machine(world, *machine)
                          : stop_machine(world, *machine, rule.signal, rule.timeout_ms);
      } catch (const ApiError&) {  // it will not be suspended: next pass
      }
      break;
    }
  }
}

}  // namespace flame::fly
