// The Machines API for one app: pacing, and the retries that are always safe. Blocks; any thread.
#pragma once
#include <atomic>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "backends/fly/answer.hpp"
#include "backends/fly/identity.hpp"
#include "backends/fly/pacing.hpp"
#include "backends/fly/transport.hpp"

namespace flame::backend::fly {

class Api {
 public:
  Api(Identity identity, const std::string& runtime_dir);

  const Identity& identity() const { return identity_; }
  // "/v1/apps/APP/machines" and what follows.
  std::string path(const std::string& rest) const { return "/v1/apps/" + identity_.app + "/machines" + rest; }

  // Requests that nothing was changed by (429, never arrived, 5xx of a GET) are repeated with a jittered
  // pause until the deadline; every other answer is given back. Throws Error(timed_out, unreachable).
  Answer list(const std::string& query,
              Deadline deadline);  // query: "" or "metadata.k=v&…"; all pages joined
  Answer get(const std::string& id, Deadline deadline);
  Answer events(const std::string& id, Deadline deadline);
  Answer create(const boost::json::value& body, Deadline deadline);
  Answer start(const std::string& id, Deadline deadline);
  Answer stop(const std::string& id, Deadline deadline);
  Answer suspend(const std::string& id, Deadline deadline);
  Answer destroy(const std::string& id, bool force, Deadline deadline, const std::string& nonce = {});
  // Takes a machine's lease, or renews it by its nonce.
  Answer lease(const std::string& id, std::int64_t ttl_s, const std::string& holder, const std::string& nonce,
               Deadline deadline);
  // Until the machine is in one of the states. Meaning::not_yet after most_seconds, of which Fly takes 1
  // to 60.
  Answer wait(const std::string& id, const std::vector<std::string>& states, std::uint64_t most_seconds,
              Deadline deadline);
  Answer logs(const std::string& id, Deadline deadline);  // of the logs API
  Answer addresses(Deadline deadline);                    // the app's public ones

 private:
  struct Call {
    const char* action;  // the limit that it counts against
    const char* method;
    std::string path;     // behind /v1/apps/APP
    std::string machine;  // empty: the app's own limit
    std::string body;
    std::string nonce;  // of a lease that we have
  };
  Answer send(const Call& call, Deadline deadline);
  // Paced. Throws HttpFailure; Error(timed_out) where there is no time for it.
  Answer send_once(const Call& call, Deadline deadline);
  Answer on_machine(const char* action, const char* method, const std::string& id, const std::string& rest,
                    std::string body, Deadline deadline, const std::string& nonce = {});

  // The API has answered this user in the last minutes: what fails now may pass.
  bool was_there() const;
  void it_answered();

  Identity identity_;
  const std::string answered_path_;  // its time is that of the last answer
  std::atomic<std::int64_t> answered_ms_{0};
  Pacing pacing_;
  Transport transport_;
};

}  // namespace flame::backend::fly
