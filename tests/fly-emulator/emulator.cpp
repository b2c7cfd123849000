#include "emulator.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "errors.hpp"
#include "http_server.hpp"
#include "lifecycle.hpp"
#include "light_process.hpp"
#include "proxy.hpp"
#include "real_process.hpp"
#include "router.hpp"
#include "scratch.hpp"
#include "times.hpp"
#include "world.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr std::uint16_t kInternalPort = 4280;

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string deployment_ref(const World& world) {
  return "registry.fly.io/" + world.options.app + ":deployment-01K0000000FLAMEEMULATOR00";
}

void add_images(World& world) {
  bool deployment = false;
  for (const auto& [ref, directory] : world.options.images) {
    if (::access(directory.c_str(), R_OK | X_OK) != 0)
      throw Error(ErrorKind::usage, "--image: cannot read directory " + directory);
    world.images.add(ref, directory);
    deployment = deployment || ref == deployment_ref(world);
  }
  if (!deployment) world.images.add(deployment_ref(world), "/");
}

void add_apps(World& world) {
  world.add_app(world.options.app, world.options.org);
  for (const std::string& other : world.options.other_apps) {
    const auto at = other.find('=');
    world.add_app(other.substr(0, at), at == std::string::npos ? world.options.org : other.substr(at + 1));
  }
}

void add_token(World& world) {
  if (world.options.token.empty()) world.options.token = "fm2_" + world.random.hex_digits(32);
  std::string value = world.options.token;
  Token token;
  token.id = world.random.ulid(unix_ms());
  token.value = value.starts_with("FlyV1 ") ? value.substr(6) : value;
  token.org = world.options.org;
  world.tokens.add(token);
}

// As `fly deploy` leaves it: managed, and running the app's image.
void add_own_machine(World& world) {
  NewMachine own;
  own.app = world.options.app;
  own.region = world.options.region;
  own.image = *world.images.find(deployment_ref(world));
  own.config = checked_config(
      json::object{{"image", own.image.ref},
                   {"env", json::object{{"FLY_PROCESS_GROUP", "app"}, {"PRIMARY_REGION", own.region}}},
                   {"metadata", json::object{{"fly_platform_version", "v2"},
                                             {"fly_process_group", "app"},
                                             {"fly_release_id", world.random.hex_digits(16)},
                                             {"fly_release_version", "1"},
                                             {"fly_flyctl_version", "0.3.200"}}}},
      400);
  own.from_deploy = true;
  create_machine(world, std::move(own));
}

// Machines get 127.BLOCK.y.z; whoever listens on 127.BLOCK.0.1:4280, the API's internal address, holds the
// block.
void take_address_block(World& world, HttpServer& server) {
  const auto first = static_cast<unsigned>(::getpid());
  for (unsigned i = 0; i < 150; ++i) {
    world.address_block = 64 + (first + i) % 150;
    try {
      server.listen("127." + std::to_string(world.address_block) + ".0.1", kInternalPort);
      return;
    } catch (const Error&) {
    }
  }
  throw Error(ErrorKind::system, "no free block of 127/8 for machines");
}

std::uint16_t listen_somewhere(const Options& options, HttpServer& server) {
  if (options.port != 0) return server.listen(options.address, options.port);
  try {
    return server.listen(options.address, kInternalPort);
  } catch (const Error&) {
    return server.listen(options.address, 0);
  }
}

void choose_processes(World& world) {
  world.isolated = false;
  if (world.options.light) {
    world.start_process = [&world](const ProcessPlan& plan, ProcessEvents events) {
      return start_light_process(world.loop, plan, std::move(events));
    };
    return;
  }
  std::string why = "--plain";
  if (!world.options.plain) {
    std::error_code ignored;
    why = namespaces_refused(world.scratch_root);
  }
  world.isolated = why.empty();
  if (!world.isolated)
    std::fprintf(stderr, "flame-fly-emulator: machines have no root, files and pids of their own here (%s)\n",
                 why.c_str());
  world.start_process = [&world](const ProcessPlan& plan, ProcessEvents events) {
    return start_real_process(world.loop, plan, world.isolated ? Isolation::namespaces : Isolation::plain,
                              std::move(events));
  };
}

struct Ports {
  std::uint16_t api, http, tls;
};

void announce(const World& world, const Ports& ports, const std::string& authority) {
  const Options& options = world.options;
  std::string text =
      "export FLY_FLAPS_BASE_URL=http://" + options.address + ":" + std::to_string(ports.api) + "\n";
  text += "export FLY_API_TOKEN=" + options.token + "\nexport FLY_APP_NAME=" + options.app + "\n";
  text += "export FLY_EMULATOR_PROXY_URL=http://" + options.address + ":" + std::to_string(ports.http) + "\n";
  text +=
      "export FLY_EMULATOR_PROXY_TLS_URL=https://" + options.address + ":" + std::to_string(ports.tls) + "\n";
  text += "export FLY_EMULATOR_PROXY_CA=" + authority + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (!options.ready_file.empty()) write_file_atomic(options.ready_file, text, 0600);
}

void follow_faults(World& world, HttpServer& server) {
  world.faults.on_change([&world, &server] {
    follow_host_faults(world);
    const Fault* refuse = world.faults.standing("refuse", {});
    if (refuse == nullptr) return;
    // Nobody could take it away by a request, so it ends by itself.
    const std::uint64_t id = refuse->id;
    const std::int64_t ms = refuse->delay_ms == 0 ? 1000 : refuse->delay_ms;
    auto timer = std::make_shared<asio::steady_timer>(world.loop, std::chrono::milliseconds(ms));
    server.refuse(true);
    timer->async_wait([&world, &server, timer, id](boost::system::error_code) {
      server.refuse(false);
      world.faults.remove(id);
    });
  });
  for (const std::string& text : world.options.faults) {
    try {
      world.faults.add(json::parse(text));
    } catch (const ApiError& error) {
      throw Error(ErrorKind::usage, "--fault: " + error.body);
    } catch (const boost::system::system_error&) {
      throw Error(ErrorKind::usage, "--fault wants JSON, got '" + text + "'");
    }
  }
}

}  // namespace

void run_emulator(Options options) {
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (!options.seeded) {
    const std::string bytes = random_bytes(sizeof options.seed);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&options.seed));
  }
  asio::io_context loop{1};
  const Scratch scratch;
  World world(loop, std::move(options));
  world.scratch_root = scratch.path();
  add_images(world);
  add_apps(world);
  add_token(world);
  choose_processes(world);
  HttpServer server(loop, [&world](Request request, Answer answer) {
    handle_request(world, std::move(request), std::move(answer));
  });
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.add(SIGHUP);
  signals.async_wait([&loop](boost::system::error_code, int) { loop.stop(); });
  Proxy proxy(world);
  Ports ports{};
  ports.api = listen_somewhere(world.options, server);
  ports.http = proxy.listen_http(world.options.proxy_port);
  ports.tls = proxy.listen_tls(world.options.proxy_tls_port);
  take_address_block(world, server);
  follow_faults(world, server);
  if (world.options.own_machine) add_own_machine(world);
  announce(world, ports, proxy.authority_path());
  loop.run();
  server.close();
  proxy.close();
  world.machines.clear();  // each ends with its handle
}

}  // namespace flame::fly
