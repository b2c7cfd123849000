// flame-backend-local: this computer as an engine. Requests are lines of JSON (backends/PROTOCOL.md).
// A runner called NAME lives in RUNTIME_DIR/local-BUILD/: NAME.sock, NAME.lock (held for its life), NAME.log.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"

using namespace flame;
namespace json = boost::json;

namespace {

struct Place {
  std::string directory, name;
  std::string file(const char* ending) const { return directory + "/" + name + ending; }
};

Place place_of(const json::object& request) {
  Place place;
  const auto text = [](const json::value& value) { return json::value_to<std::string>(value); };
  place.directory = text(request.at("runtime_dir")) + "/local-" + text(request.at("settings").at("build"));
  place.name = text(request.at("name"));
  if (::mkdir(place.directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot make '" + place.directory + "'", errno);
  return place;
}

// The lock, if nobody holds it: then no runner of that name lives.
UniqueFd try_lock(const Place& place) {
  UniqueFd fd = open_file(place.file(".lock"), O_RDWR | O_CREAT, 0600);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) throw system_error("cannot lock '" + place.file(".lock") + "'", errno);
  return UniqueFd();
}

// Listening before the runner runs, so that callers can connect at once; under a temporary name first, so
// that a stale socket is replaced and never met half made.
UniqueFd listen_at(const Place& place) {
  const std::string path = place.file(".sock"), temporary = place.file(".new");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(ErrorKind::config,
                "the socket path '" + path + "' is longer than " +
                    std::to_string(sizeof address.sun_path - 1) + " bytes",
                "set XDG_RUNTIME_DIR to a shorter directory");
  std::memcpy(static_cast<void*>(address.sun_path), temporary.c_str(), temporary.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::unlink(temporary.c_str());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 4096) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0)
    throw system_error("cannot listen at '" + path + "'", errno);
  return fd;
}

json::value machine(const Place& place, const char* state) {
  return {{"name", place.name}, {"state", state}, {"address", {{"unix", place.file(".sock")}}}};
}

json::value boot(const json::object& request) {
  const Place place = place_of(request);
  const UniqueFd lock = try_lock(place);
  if (!lock) return {{"machine", machine(place, "started")}};
  const UniqueFd listening = listen_at(place);
  const UniqueFd log = open_file(place.file(".log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const json::object& settings = request.at("settings").as_object();
  const auto setting = [&](const char* key) {
    return std::to_string(settings.at(key).to_number<std::uint64_t>());
  };
  SpawnPlan plan;
  plan.path = json::value_to<std::string>(settings.at("runner_path"));
  plan.arguments = {"flame-runner",
                    "--name",
                    place.name,
                    "--socket-fd",
                    "3",
                    "--lock-fd",
                    "4",
                    "--socket-path",
                    place.file(".sock"),
                    "--slots",
                    setting("slots"),
                    "--idle-timeout-ms",
                    setting("idle_timeout_ms"),
                    "--max-lifetime-ms",
                    setting("max_lifetime_ms"),
                    "--sandbox",
                    json::value_to<std::string>(settings.at("sandbox"))};
  plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  plan.descriptors = {{log.get(), 2}, {listening.get(), 3}, {lock.get(), 4}};
  plan.new_session = true;
  if (::chdir("/") != 0) throw system_error("cannot change to /", errno);
  const Child child = spawn(plan);
  write_file_atomic(place.file(".pid"), std::to_string(child.pid) + "\n", 0600);
  return {{"machine", machine(place, "started")}};
}

json::value list(const json::object& request) {
  const Place place = place_of(request);
  json::array machines;
  if (!try_lock(place)) machines.push_back(machine(place, "started"));
  return {{"machines", machines}};
}

json::value destroy(const json::object& request) {
  const Place place = place_of(request);
  const Deadline patience = Deadline::in(std::chrono::seconds(5));
  for (int signal = SIGTERM; !try_lock(place);) {
    const std::string text = read_file(place.file(".pid"), 64);
    const auto pid = static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10));
    if (pid > 1) ::kill(pid, signal);
    if (patience.passed()) signal = SIGKILL;
    ::usleep(10'000);
  }
  for (const char* ending : {".sock", ".pid"}) ::unlink(place.file(ending).c_str());
  return json::object{};
}

json::value answer(const json::object& request) {
  const std::string verb = json::value_to<std::string>(request.at("verb"));
  if (verb == "describe")
    return {
        {"protocol", 1}, {"name", "local"}, {"abilities", {"boot", "list", "destroy"}}, {"max_default", 1}};
  if (verb == "boot") return boot(request);
  if (verb == "list") return list(request);
  if (verb == "destroy" || verb == "stop") return destroy(request);
  throw Error(ErrorKind::usage, "the local engine does not know '" + verb + "'");
}

bool read_line(std::string& line) {
  line.clear();
  for (char c; ::read(0, &c, 1) == 1;) {
    if (c == '\n') return true;
    line += c;
  }
  return !line.empty();
}

}  // namespace

int main() {
  for (std::string line; read_line(line);) {
    json::object reply;
    try {
      const json::value request = json::parse(line);
      if (const auto* id = request.as_object().if_contains("id")) reply["id"] = *id;
      reply["ok"] = answer(request.as_object());
    } catch (const Error& error) {
      reply["error"] = {
          {"code", error_kind_name(error.kind)}, {"message", error.message}, {"hint", error.hint}};
    } catch (const std::exception& error) {
      reply["error"] = {{"code", "internal"}, {"message", error.what()}, {"hint", ""}};
    }
    if (!write_all(1, json::serialize(reply) + "\n")) return 1;
  }
  return 0;
}
