// flame-backend-fly: Fly Machines as an engine.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string_view>

#include "backends/fly/engine.hpp"
#include "backends/fly/relay.hpp"

using namespace flame::backend;

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "relay")
    return fly::run_relay(argv[2], argv[3], std::atoll(argv[4]));
  // It holds the API's token: no core, and no other process of this user looks into it.
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::prctl(PR_SET_DUMPABLE, 0);
  fly::Engine engine;
  const auto verb = [&](boost::json::object (fly::Engine::*answer)(const Request&)) {
    return [&engine, answer](const Request& request) { return (engine.*answer)(request); };
  };
  return serve("fly",
               {{"describe", verb(&fly::Engine::describe)},
                {"list", verb(&fly::Engine::list)},
                {"boot", verb(&fly::Engine::boot)},
                {"start", verb(&fly::Engine::start)},
                {"stop", verb(&fly::Engine::stop)},
                {"suspend", verb(&fly::Engine::suspend)},
                {"destroy", verb(&fly::Engine::destroy)},
                {"logs", verb(&fly::Engine::logs)},
                {"connect", verb(&fly::Engine::connect)},
                {"lease", verb(&fly::Engine::lease)},
                {"release", verb(&fly::Engine::release)}},
               Concurrency::threads);
}
