#include "client/pool/pool.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

std::string runtime_dir() {
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  const bool given = base != nullptr && *base == '/';
  const std::string path = given ? std::string(base) + "/flame" : "/tmp/flame-" + std::to_string(::geteuid());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot make '" + path + "'", errno);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw system_error("cannot look at '" + path + "'", errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    throw Error(ErrorKind::config,
                "the runtime directory '" + path + "' is not a directory that is yours alone",
                "chmod 700 it, or set XDG_RUNTIME_DIR to a directory of your own");
  return path;
}

std::string first_existing(const std::string& own, std::initializer_list<const char*> places,
                           const char* what) {
  for (const char* place : places)
    if (::access((own + place).c_str(), X_OK) == 0) return own + place;
  throw Error(ErrorKind::config, std::string("cannot find ") + what + " near " + own,
              "install flame again: ./dev install PREFIX");
}

// Two installs of different builds never share a runner: a runner's file has an identity of its own.
std::string build_of(const std::string& runner_path) {
  struct stat status {};
  if (::stat(runner_path.c_str(), &status) != 0)
    throw system_error("cannot look at '" + runner_path + "'", errno);
  const std::string identity = std::to_string(status.st_dev) + "." + std::to_string(status.st_ino) + "." +
                               std::to_string(status.st_size) + "." + std::to_string(status.st_mtim.tv_sec) +
                               "." + std::to_string(status.st_mtim.tv_nsec);
  return hex(sha256(identity)).substr(0, 8);
}

}  // namespace

Pool::Pool(PoolSettings settings) : settings_(std::move(settings)), runtime_dir_(runtime_dir()) {
  const std::string own = own_directory();
  runner_path_ = first_existing(own, {"/flame-runner", "/../runner/flame-runner"}, "flame-runner");
  const std::string backend = "flame-backend-" + settings_.backend;
  backend_path_ = first_existing(
      own, {("/../libexec/flame/" + backend).c_str(), ("/../backends/" + backend).c_str()}, backend.c_str());
  build_ = build_of(runner_path_);
}

std::string Pool::socket_path() const {
  return runtime_dir_ + "/local-" + build_ + "/" + runner_name() + ".sock";
}

std::unique_ptr<Link> Pool::find_ready(Deadline deadline) {
  try {
    return std::make_unique<Link>(socket_path(), deadline);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unreachable) throw;
    return nullptr;
  }
}

std::unique_ptr<Link> Pool::find(Deadline deadline) {
  const Deadline patience = deadline.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  for (;;) {
    if (auto link = find_ready(patience)) return link;
    ask_backend("boot", patience);
    try {
      return std::make_unique<Link>(socket_path(), patience);
    } catch (const Error& error) {
      // It left between our question and our connect, or is leaving right now: ask again.
      if (error.kind != ErrorKind::unreachable) throw;
      if (patience.passed())
        throw Error(ErrorKind::boot_failed, "no runner came up: " + error.message,
                    "look at " + runtime_dir_ + "/local-" + build_)
            .at_phase("boot");
      ::usleep(1000);
    }
  }
}

void Pool::destroy() { ask_backend("destroy", Deadline::in(std::chrono::seconds(20))); }

std::string Pool::ask_backend(const char* verb, Deadline deadline) {
  namespace json = boost::json;
  const json::value request = {{"id", 1},
                               {"verb", verb},
                               {"pool", settings_.name},
                               {"name", runner_name()},
                               {"runtime_dir", runtime_dir_},
                               {"settings",
                                {{"build", build_},
                                 {"runner_path", runner_path_},
                                 {"slots", settings_.slots},
                                 {"sandbox", settings_.sandbox},
                                 {"idle_timeout_ms", settings_.idle_timeout_ms},
                                 {"max_lifetime_ms", settings_.max_lifetime_ms}}}};
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    throw system_error("cannot make a socket pair", errno);
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  SpawnPlan plan;
  plan.path = backend_path_;
  plan.arguments = {"flame-backend-" + settings_.backend};
  plan.environment = current_environment();
  plan.descriptors = {{theirs.get(), 0}, {theirs.get(), 1}, {2, 2}};
  const Child child = spawn(plan);
  theirs.reset();
  const bool sent =
      write_all(ours.get(), json::serialize(request) + "\n") && ::shutdown(ours.get(), SHUT_WR) == 0;
  pollfd wait = {child.pidfd.get(), POLLIN, 0};
  if (::poll(&wait, 1, deadline.poll_timeout_ms()) == 0) {
    ::kill(child.pid, SIGKILL);
    wait_child(child);
    throw Error(ErrorKind::timed_out,
                "the deadline passed while the engine was asked to " + std::string(verb))
        .at_phase("boot");
  }
  wait_child(child);
  const std::string line = sent ? read_fd(ours.get(), 1024 * 1024) : "";
  boost::system::error_code why;
  const json::value reply = json::parse(line.substr(0, line.find('\n')), why);
  if (why || !reply.is_object())
    throw Error(ErrorKind::boot_failed, "the backend '" + backend_path_ + "' gave no answer")
        .at_phase("boot");
  if (const auto* error = reply.as_object().if_contains("error")) {
    const auto text = [&](const char* key) { return json::value_to<std::string>(error->at(key)); };
    throw Error(error_kind_from_name(text("code")).value_or(ErrorKind::boot_failed), text("message"),
                text("hint"))
        .at_phase("boot");
  }
  return json::serialize(reply.at("ok"));
}

}  // namespace flame::client
