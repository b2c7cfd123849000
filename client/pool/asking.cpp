// The part of Pool that speaks with the engine's backend: its verbs, and plans of them.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <climits>

#include "base/error.hpp"
#include "client/pool/errors.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {
namespace json = boost::json;

Backend& Pool::backend() {
  if (!backend_) backend_ = std::make_unique<Backend>(find_backend(settings_.backend));
  return *backend_;
}

std::uint64_t Pool::ask(std::string_view verb, const std::string& name, Deadline deadline,
                        const Details& details) {
  json::object settings = {{"build", build_},
                           {"runner_path", runner_path_},
                           {"slots", settings_.slots},
                           {"sandbox", settings_.sandbox},
                           {"idle_timeout_ms", settings_.idle_timeout_ms},
                           {"max_lifetime_ms", settings_.max_lifetime_ms},
                           {"plugin_dirs", json::value_from(settings_.plugin_dirs)}};
  // A runner of an older release does not know of it.
  if (settings_.link_grace_ms != wire::kLinkGraceMs) settings["link_grace_ms"] = settings_.link_grace_ms;
  if (!settings_.engine_settings.empty()) {
    const json::value engine = json::parse(settings_.engine_settings);
    for (const auto& [key, value] : engine.as_object()) settings.emplace(key, value);
  }
  json::object fields = {{"pool", details.pool.empty() ? settings_.name : details.pool},
                         {"runtime_dir", runtime_dir_},
                         {"settings", std::move(settings)}};
  // A working directory that is gone is no name for an app: the engine says what it lacks.
  if (std::array<char, PATH_MAX> cwd; ::getcwd(cwd.data(), cwd.size()) != nullptr)
    fields["settings"].as_object()["directory"] = cwd.data();
  if (!name.empty()) fields["name"] = name;
  // The list before a boot says what the boot will, so that what is wrong is refused before anything is
  // asked.
  const bool before_boot = verb == "list" && boot_lock_;
  if (verb == "boot" || verb == "start" || before_boot) fields["generation"] = generation_;
  if (verb == "boot" || before_boot) fields["guest"] = settings_.guest;
  if (details.lines > 0) fields["lines"] = details.lines;
  if (details.all) fields["all"] = true;
  if (plan_) fields["dry_run"] = true;
  if (details.more != nullptr)
    for (const auto& [key, value] : *details.more) fields[key] = value;
  return backend().ask(verb, fields, deadline);
}

BackendAnswer Pool::ask_and_wait(std::string_view verb, const std::string& name, Deadline deadline,
                                 const Details& details) {
  // A backend that says nothing must not hold us for ever, where nobody gave a deadline.
  const Deadline patience = deadline.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  BackendAnswer answer = backend().wait(ask(verb, name, patience, details));
  if (answer.error) throw for_people(*answer.error).at_phase("boot");
  return answer;
}

std::vector<Machine> Pool::list(Deadline deadline) { return ask_and_wait("list", "", deadline, {}).machines; }
std::vector<Machine> Pool::list_all(Deadline deadline) {
  return ask_and_wait("list", "", deadline, {.all = true}).machines;
}
std::string Pool::logs(const std::string& name, std::uint64_t lines, Deadline deadline) {
  return ask_and_wait("logs", name, deadline, {.lines = lines}).text;
}

std::uint64_t Pool::begin(std::string_view verb, const std::string& name, Deadline deadline,
                          const json::object& more) {
  const std::uint64_t id = ask(verb, name, deadline, {.more = &more});
  begun_.insert(id);
  return id;
}

void Pool::end_lease(const std::string& lease, Deadline deadline) {
  const json::object more = {{"lease", lease}};
  ask_and_wait("release", "", deadline, {.more = &more});
}

bool Pool::engine_can(std::string_view ability, Deadline deadline) {
  if (!abilities_) abilities_ = ask_and_wait("describe", "", deadline, {}).abilities;
  return std::find(abilities_->begin(), abilities_->end(), ability) != abilities_->end();
}

// An engine that does not know of plans must not be asked for what it would do.
bool Pool::only_told(std::string_view verb, const std::string& name, Deadline deadline) {
  if (!plan_ || engine_can("dry_run", deadline)) return false;
  plan_(std::string(verb) + " " + name);
  return true;
}

void Pool::change_all(std::string_view verb, const std::vector<std::string>& names, Deadline deadline) {
  const Deadline patience = deadline.earlier(Deadline::in(milliseconds(settings_.boot_timeout_ms)));
  std::vector<std::uint64_t> asked;
  for (const std::string& name : names)
    if (!only_told(verb, name, patience)) asked.push_back(ask(verb, name, patience));
  std::optional<Error> failed;
  for (const std::uint64_t id : asked)
    if (BackendAnswer answer = backend().wait(id); answer.error && !failed && !tells_leaving(*answer.error))
      failed = answer.error;
  settle_asides(patience);
  if (failed) throw for_people(*failed).at_phase("boot");
}

void Pool::destroy_in(const std::string& pool, const std::string& name, Deadline deadline) {
  if (only_told("destroy", name, deadline)) return;
  ask_and_wait("destroy", name, deadline, {.pool = pool});
  settle_asides(deadline);
}

// The answers that are on their way, and what they note.
void Pool::settle_asides(Deadline deadline) {
  while (backend_) {
    while (auto answer = backend_->take()) {
      if (plan_ && answer->kind == BackendAnswer::Kind::note) plan_(answer->text);
      if (answer->kind != BackendAnswer::Kind::note) asides_.erase(answer->id);
    }
    if (asides_.empty() || deadline.passed()) return;
    pollfd wait = {backend_->fd(), POLLIN, 0};
    ::poll(&wait, 1, deadline.earlier(backend_->next_deadline()).poll_timeout_ms());
  }
}

}  // namespace flame::client
