// flame-backend-fly: Fly Machines as an engine.
#include "backends/fly/engine.hpp"

using namespace flame::backend;

int main() {
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
                {"connect", verb(&fly::Engine::connect)}},
               Concurrency::threads);
}
