// flame-backend-local: this computer as an engine.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <string>

#include "backends/kit/serve.hpp"
#include "backends/local/place.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/process.hpp"
#include "base/unix_time.hpp"

using namespace flame;
using namespace flame::backend;
using namespace flame::backend::local;
namespace json = boost::json;

namespace {

constexpr milliseconds kGrace{5000};  // between asking a runner to leave and making it
constexpr milliseconds kHeard{1000};  // for a runner to act on a signal
constexpr std::size_t kLogMaxBytes = 64 * 1024 * 1024;

json::object machine(const Place& place, const Occupant& occupant) {
  const std::string socket = place.socket_path(occupant.generation);
  const bool there = ::access(socket.c_str(), F_OK) == 0;
  json::object out = {{"name", place.name()},
                      {"state", there ? "started" : "stopping"},
                      {"generation", occupant.generation},
                      {"created_at_ms", occupant.created_at_ms},
                      {"pid", static_cast<std::int64_t>(occupant.pid)}};
  if (there) out["address"] = {{"unix", socket}};
  return {{"machine", std::move(out)}};
}

// Never the caller's environment, directory, terminal or descriptors: the runner outlives it and serves
// others.
Child start_runner(const Request& request, const Place& place, const UniqueFd& listening,
                   const UniqueFd& lock) {
  const UniqueFd log =
      open_file(place.log_path(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0600);
  SpawnPlan plan;
  plan.path = request.text_setting("runner_path");
  plan.arguments = {"flame-runner", "--name", place.name(), "--socket-fd", "3", "--lock-fd", "4"};
  const auto option = [&](const char* name, const std::string& value) {
    plan.arguments.insert(plan.arguments.end(), {name, value});
  };
  option("--socket-path", place.socket_path(request.generation));
  option("--generation", request.generation);
  option("--build", request.text_setting("build"));
  option("--slots", std::to_string(request.number_setting("slots")));
  option("--idle-timeout-ms", std::to_string(request.number_setting("idle_timeout_ms")));
  option("--max-lifetime-ms", std::to_string(request.number_setting("max_lifetime_ms")));
  option("--sandbox", request.text_setting("sandbox"));
  option("--worker-uid", "0");  // whoever calls a plugin on this computer calls it as himself, root too
  if (const auto* directories = request.settings.if_contains("plugin_dirs"))
    for (const json::value& directory : directories->as_array())
      option("--plugin-dir", json::value_to<std::string>(directory));
  plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  plan.descriptors = {{log.get(), 2}, {listening.get(), 3}, {lock.get(), 4}};
  plan.new_session = true;
  if (::chdir("/") != 0) throw system_error("cannot change to /", errno);
  ::umask(022);
  return spawn(plan);
}

json::object boot(const Request& request) {
  const Place place = place_of(request);
  const UniqueFd lock = place.try_lock();
  if (!lock) {
    const auto there = place.occupant();
    if (there && there->generation == request.generation) {
      json::object answer = machine(place, *there);
      if (answer.at("machine").as_object().contains("address")) return answer;
    }
    throw NameTaken("a runner '" + place.name() + "' of other settings is there, or one that is leaving");
  }
  Occupant occupant{0, request.generation, unix_now_ms()};
  try {
    place.write_occupant(lock, occupant);  // whoever looks now knows what it will be
    const UniqueFd listening = place.listen_at(request.generation);
    occupant.pid = start_runner(request, place, listening, lock).pid;
  } catch (...) {
    place.remove_files();
    throw;
  }
  place.write_occupant(lock, occupant);
  return machine(place, occupant);
}

json::object list(const Request& request) {
  json::array machines;
  for (const Place& place : places_of_pool(request))
    if (const auto occupant = place.occupant()) machines.push_back(machine(place, *occupant).at("machine"));
  return {{"machines", std::move(machines)}};
}

// To the runner and nobody else: the pid is its own as long as the lock is taken, which is looked at after
// the pidfd was made.
bool send_signal(const Place& place, int signal) {
  const auto before = place.occupant();
  if (!before || before->pid <= 1) return false;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, before->pid, 0)));
  const auto after = place.occupant();
  if (!process || !after || after->pid != before->pid) return false;
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

bool listens(const Place& place, const Occupant& occupant) {
  return ::access(place.socket_path(occupant.generation).c_str(), F_OK) == 0;
}

// One SIGTERM asks to drain; a second would cancel what runs. So its effect is awaited: the socket goes
// first.
void ask_to_drain(const Place& place, const Occupant& occupant) {
  if (!listens(place, occupant) || !send_signal(place, SIGTERM)) return;
  const Deadline patience = Deadline::in(kHeard);
  while (listens(place, occupant) && place.occupant() && !patience.passed()) ::usleep(500);
}

json::object stop(const Request& request) {
  const Place place = place_of(request);
  const auto occupant = place.occupant();
  if (!occupant) return {{"machine", {{"name", place.name()}, {"state", "stopped"}}}};
  ask_to_drain(place, *occupant);
  json::object answer = machine(place, *occupant);
  answer.at("machine").as_object()["state"] = "stopping";
  return answer;
}

json::object destroy(const Request& request) {
  const Place place = place_of(request);
  if (const auto occupant = place.occupant()) ask_to_drain(place, *occupant);
  const Deadline drain = Deadline::in(kGrace).earlier(request.deadline), cut = Deadline::in(kGrace + kHeard),
                 end = Deadline::in(kGrace * 2);
  bool told = false;
  for (int pause_ms = 1; place.occupant(); pause_ms = std::min(pause_ms * 2, 20)) {
    if (drain.passed() && !told) told = send_signal(place, SIGTERM);
    if (cut.passed()) send_signal(place, SIGKILL);
    if (end.passed()) throw Error(ErrorKind::system, "the runner '" + place.name() + "' does not end");
    ::usleep(static_cast<useconds_t>(pause_ms) * 1000);
  }
  if (::access(place.lock_path().c_str(), F_OK) != 0) return {};
  if (const UniqueFd lock = place.try_lock()) place.remove_files();
  return {};
}

json::object logs(const Request& request) {
  const Place place = place_of(request);
  if (::access(place.log_path().c_str(), F_OK) != 0)
    throw Error(ErrorKind::config, "there is no runner '" + place.name() + "' and no log of one");
  const std::string text = read_file(place.log_path(), kLogMaxBytes);
  std::size_t at = text.size();
  for (std::uint64_t wanted = request.lines == 0 ? ~std::uint64_t{0} : request.lines; at > 0 && wanted > 0;
       --wanted)
    at = at >= 2 ? text.rfind('\n', at - 2) + 1 : 0;
  return {{"text", text.substr(at)}};
}

json::object connect(const Request& request) {
  const Place place = place_of(request);
  const auto occupant = place.occupant();
  if (!occupant || !listens(place, *occupant))
    throw Error(ErrorKind::unreachable, "there is no runner '" + place.name() + "'");
  return {{"address", {{"unix", place.socket_path(occupant->generation)}}}};
}

json::object describe(const Request&) {
  return {{"protocol", 1},
          {"name", "local"},
          {"abilities", {"boot", "list", "stop", "destroy", "logs", "connect"}},
          {"max_default", 1}};
}

}  // namespace

int main() {
  return serve("local", {{"describe", describe},
                         {"list", list},
                         {"boot", boot},
                         {"stop", stop},
                         {"destroy", destroy},
                         {"logs", logs},
                         {"connect", connect}});
}
