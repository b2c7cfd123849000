// Fly Machines as an engine: the verbs of backends/PROTOCOL.md. Each blocks; any thread.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
#include "backends/fly/pool_config.hpp"
#include "backends/kit/serve.hpp"

namespace flame::backend::fly {

class Engine {
 public:
  boost::json::object describe(const Request& request);
  boost::json::object list(const Request& request);
  boost::json::object boot(const Request& request);
  boost::json::object start(const Request& request);
  boost::json::object stop(const Request& request);
  boost::json::object suspend(const Request& request);
  boost::json::object destroy(const Request& request);
  boost::json::object logs(const Request& request);
  boost::json::object connect(const Request& request);
  boost::json::object lease(const Request& request);
  boost::json::object release(const Request& request);

 private:
  // A machine as it was seen last. By its id it can be asked for far more often than by a list.
  struct Seen {
    FlyMachine machine;
    enum class How : std::uint8_t { listed, started, booted } how;
    Deadline good_until;  // no list is needed to find its id
  };
  Api& api(const Request& request);
  std::vector<FlyMachine> look(const Request& request);  // a list, remembered
  // Ours of that pool and name; the second throws Error(unreachable) when there is none.
  std::optional<FlyMachine> named_if_there(const Request& request);
  FlyMachine named(const Request& request);
  FlyMachine living(const Request& request);
  std::optional<Seen> seen(const std::string& name);
  void remember(const FlyMachine& machine, Seen::How how);
  boost::json::object shown(const Request& request, const FlyMachine& machine, const std::string& current);
  boost::json::object one(const Request& request, const FlyMachine& machine);
  std::string image_for(const Request& request);
  boost::json::object planned_boot(const Request& request, const PoolConfig& config);
  boost::json::object planned_change(const Request& request, const char* method, const char* end);
  boost::json::object ask_to(const Request& request, const char* verb, const char* state,
                             Answer (Api::*ask)(const std::string&, Deadline));
  FlyMachine look_at(const Request& request, const Seen& seen);

  std::mutex mutex_;
  std::unique_ptr<Api> api_;          // made by the first request that needs it
  std::map<std::string, Seen> seen_;  // by name
  std::string image_;                 // that a boot would use, by the latest list
  Deadline image_good_until_ = Deadline::in(milliseconds(0));
};

// The app's machines that are there; ours and others.
std::vector<FlyMachine> all_machines(Api& api, Deadline deadline, bool with_leases = false);
// Waits until the machine is started, and answers it as the API tells it then. Throws Error(boot_failed) with
// the exit event and the last lines of its log when it ends instead, Error(timed_out).
FlyMachine wait_until_started(Api& api, const FlyMachine& machine, const Request& request);

}  // namespace flame::backend::fly
