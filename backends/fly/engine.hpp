// Fly Machines as an engine: the verbs of backends/PROTOCOL.md. Each blocks; any thread.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
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

 private:
  Api& api(const Request& request);
  std::string image_for(const Request& request);
  struct Made {
    FlyMachine machine;
    bool booted;  // and not only started
  };
  FlyMachine look_at_made(const Request& request, const Made& made);

  std::mutex mutex_;
  std::unique_ptr<Api> api_;          // made by the first request that needs it
  std::map<std::string, Made> made_;  // by name: booted or started by this process
  std::string image_;                 // that a boot would use, by the latest list
  Deadline image_good_until_ = Deadline::in(milliseconds(0));
};

// The app's machines that are there; ours and others.
std::vector<FlyMachine> all_machines(Api& api, Deadline deadline);
// Ours of that pool and name. Throws Error(unreachable) when there is none.
FlyMachine machine_named(Api& api, const Request& request);

// Waits until the machine is started, and answers it as the API tells it then. Throws Error(boot_failed) with
// the exit event and the last lines of its log when it ends instead, Error(timed_out).
FlyMachine wait_until_started(Api& api, const FlyMachine& machine, Deadline deadline);

}  // namespace flame::backend::fly
