#include "client/pool/pool.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "client/pool/place.hpp"
#include "client/pool/runtime_dir.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kKnownPatience{2000};  // for the hello of a runner that was there before

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

// What a runner is made from. A changed flame.toml gives another generation, and so another runner.
std::string generation_of(const PoolSettings& settings) {
  std::string text =
      settings.guest + "\n" + std::to_string(settings.slots) + "\n" +
      std::to_string(settings.idle_timeout_ms) + "\n" + std::to_string(settings.max_lifetime_ms) + "\n" +
      std::to_string(settings.link_grace_ms) + "\n" + settings.sandbox + "\n" + settings.engine_settings;
  for (const auto& directory : settings.plugin_dirs) text += "\n" + directory;
  return hex(sha256(text)).substr(0, 8);
}

void check_name(const std::string& name) {
  constexpr std::size_t max_bytes = 32;
  const bool plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (name.empty() || name.size() > max_bytes || !plain || name.starts_with("-"))
    throw Error(ErrorKind::config, "'" + name + "' is not the name of a pool",
                "names hold lower-case letters, digits and -, at most 32 of them");
}

}  // namespace

bool is_draining(const Link& link) { return link.hello().find("\"draining\":true") != std::string::npos; }

std::uint64_t number_in(const std::string& hello, std::string_view key) {
  const std::size_t at = hello.find(key);
  return at == std::string::npos ? 0 : std::strtoull(hello.c_str() + at + key.size(), nullptr, 10);
}

bool is_full(const Link& link) {
  const std::uint64_t calls = number_in(link.hello(), "\"busy\":") + number_in(link.hello(), "\"arriving\":");
  return calls >= number_in(link.hello(), "\"slots\":");
}

std::string runner_in(const std::string& hello) {
  constexpr std::string_view key = "\"runner\":\"";
  const std::size_t at = hello.find(key);
  if (at == std::string::npos) return {};
  return hello.substr(at + key.size(), hello.find('"', at + key.size()) - at - key.size());
}

Pool::Pool(PoolSettings settings)
    : settings_(std::move(settings)),
      runtime_dir_(runtime_dir()),
      place_(settings_.backend + "." + settings_.name + engine_place(settings_)),
      hints_(runtime_dir_ + "/hints/" + place_) {
  check_name(settings_.name);
  check_backend_name(settings_.backend);
  runner_path_ = find_near_own({"/flame-runner", "/../runner/flame-runner"});
  if (runner_path_.empty())
    throw Error(ErrorKind::config, "cannot find flame-runner near " + own_directory(),
                "install flame again: ./dev install PREFIX");
  build_ = build_of(runner_path_);
  generation_ = generation_of(settings_);
  breaker_ = Breaker(runtime_dir_ + "/failed-" + place_, generation_);
}

Pool::~Pool() = default;

std::string Pool::runner_name(std::uint64_t k) const {
  return "flame-" + settings_.name + "-" + std::to_string(k);
}

// The local engine needs no hints: where a runner of this build, name and generation listens is known.
Runner Pool::local_runner(std::uint64_t k) const {
  Runner out;
  out.name = runner_name(k);
  out.generation = generation_;
  out.address.unix_path = runtime_dir_ + "/local-" + build_ + "/" + out.name + "." + generation_ + ".sock";
  return out;
}

std::vector<Runner> Pool::known() const {
  if (settings_.backend != "local") return hints_.read(generation_);
  std::vector<Runner> out;
  for (std::uint64_t k = 0; k < names_in_use(); ++k) {
    Runner runner = local_runner(k);
    if (::access(runner.address.unix_path.c_str(), F_OK) == 0) out.push_back(std::move(runner));
  }
  return out;
}

std::vector<std::string> Pool::names() const {
  std::vector<std::string> out;
  for (std::uint64_t k = 0; k < names_in_use(); ++k) out.push_back(runner_name(k));
  return out;
}

void Pool::remember(const Runner& runner) {
  used_.insert(runner.name);
  if (settings_.backend != "local") hints_.write(runner);
}

void Pool::forget(const Runner& runner) {
  used_.erase(runner.name);
  if (settings_.backend != "local") hints_.drop(runner.name);
}

std::unique_ptr<Link> Pool::connect(const Runner& runner, Deadline deadline) {
  return std::make_unique<Link>(runner.address, deadline);
}

// A connection that hangs is given up long before the deadline: the next one may be answered.
std::unique_ptr<Link> Pool::attempt(const Runner& runner, milliseconds patience, Deadline deadline) {
  try {
    return connect(runner, deadline.earlier(Deadline::in(patience)));
  } catch (Error& error) {
    if (error.kind == ErrorKind::timed_out && !deadline.passed()) {
      error.kind = ErrorKind::unreachable;
      error.message = "the runner at '" + runner.address.text() + "' did not say hello";
    }
    throw;
  }
}

// A link to this runner if it is there and takes calls. What was remembered may be wrong: another may have
// the address by now.
std::unique_ptr<Link> Pool::try_runner(const Runner& runner, Deadline deadline) {
  try {
    auto link = attempt(runner, kKnownPatience, deadline);
    if (!is_draining(*link)) return link;
    leaving_.insert(runner.name);
  } catch (const Error& error) {
    const bool not_it = settings_.backend != "local" &&
                        (error.kind == ErrorKind::refused || error.kind == ErrorKind::protocol);
    if (error.kind != ErrorKind::unreachable && !not_it) throw;
    forget(runner);
  }
  return nullptr;
}

}  // namespace flame::client
