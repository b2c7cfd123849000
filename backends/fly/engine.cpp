#include "backends/fly/engine.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "backends/fly/boot.hpp"
#include "backends/fly/ending.hpp"
#include "backends/fly/image.hpp"
#include "backends/fly/keep_lease.hpp"
#include "backends/fly/members.hpp"
#include "backends/fly/pause.hpp"
#include "backends/fly/persist.hpp"
#include "backends/fly/pool_config.hpp"
#include "backends/fly/reach.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kClearingMs = 3000;
constexpr int kLooksForImage = 2;
constexpr milliseconds kListGood{10'000};  // what a list said, for the requests that follow from it

bool is_starting(const std::string& state) { return state == "started" || state == "starting"; }

bool has_ended(const std::string& state) {
  return state == "stopped" || state == "failed" || state == "destroyed" || state == "destroying";
}

// flame kills a backend at a request's deadline: what was made must be cleared away before.
Request with_time_to_clear(Request request) {
  const std::uint64_t left_ms = request.deadline.remaining_ms();
  if (!request.deadline.unlimited())
    request.deadline = Deadline::from_remaining_ms(left_ms - std::min(left_ms / 4, kClearingMs));
  return request;
}

// The request as it would be sent: what a plan is made of.
void tell(Api& api, const Request& request, const char* method, const std::string& rest,
          const std::string& body = "") {
  note(request, std::string(method) + " " + api.path(rest) + (body.empty() ? "" : " " + body));
}

Error none_of_that_name(const Request& request) {
  Error error(ErrorKind::unreachable,
              "there is no machine '" + request.name + "' in the pool '" + request.pool + "'");
  error.type = kHasLeft;
  return error;
}

// Another may have the name by now.
bool is_meant(const Request& request, const FlyMachine& machine) {
  return machine.name == request.name &&
         (request.had_address.empty() || request.had_address == address_of(machine));
}

std::optional<FlyMachine> newest_deleted(Api& api, const Request& request) {
  std::optional<FlyMachine> newest;
  const Answer answer = api.list(
      "include_deleted=true&metadata." + std::string(kPoolKey) + "=" + request.pool, request.deadline);
  if (answer.meaning != Meaning::done) return newest;
  for (const auto& value : answer.body.get_array())
    if (FlyMachine machine = read_machine(value);
        is_meant(request, machine) && (!newest || machine.created_at_ms > newest->created_at_ms))
      newest = std::move(machine);
  return newest;
}

// Fly has been seen to sit a wait out though the state was reached: a look decides.
constexpr std::uint64_t kLookEverySeconds = 5;
// A runner that nobody has met leaves when it has been idle.
std::uint64_t look_every_s(std::uint64_t idle_timeout_ms) {
  if (idle_timeout_ms == 0) return kLookEverySeconds;  // it never does
  return std::clamp<std::uint64_t>(idle_timeout_ms / 2000, 1, kLookEverySeconds);
}

}  // namespace

std::vector<FlyMachine> all_machines(Api& api, Deadline deadline, bool with_leases) {
  const Answer answer = api.list(with_leases ? "include_leases=true" : "", deadline);
  if (answer.meaning == Meaning::not_found)
    throw Error(ErrorKind::config,
                "there is no Fly app '" + api.identity().app + "' (named by " + api.identity().source + ")",
                "'fly apps list' shows yours");
  if (answer.meaning != Meaning::done)
    throw error_from(answer, "asking for the machines of '" + api.identity().app + "'");
  std::vector<FlyMachine> out;
  for (const auto& value : answer.body.get_array()) {
    FlyMachine machine = read_machine(value);
    if (!machine.id.empty() && !machine.plain_state().empty()) out.push_back(std::move(machine));
  }
  return out;
}

// What the create told and a later answer may leave out.
FlyMachine with_secrets_of(const FlyMachine& machine, FlyMachine seen) {
  if (seen.token.empty()) seen.token = machine.token;  // a config that is not told
  if (seen.port == 0) seen.port = machine.port;
  return seen;
}

FlyMachine wait_until_started(Api& api, const FlyMachine& machine, const Request& request) {
  const Deadline deadline = request.deadline;
  for (;;) {
    const Answer waited = api.wait(machine.id, {"started", "stopped", "failed", "destroyed"},
                                   look_every_s(request.number_setting("idle_timeout_ms")), deadline);
    if (waited.meaning == Meaning::not_found) throw ended_early(api, machine);
    if (waited.meaning == Meaning::done && text(waited.body, "state") == "started" &&
        !machine.private_ip.empty()) {
      FlyMachine out = machine;
      out.state = "started";
      return out;
    }
    if (deadline.passed())
      throw Error(ErrorKind::timed_out,
                  "the machine '" + machine.name + "' (" + machine.id + ") did not start in time",
                  "boot_timeout in flame.toml gives it longer");
    const Answer now = api.get(machine.id, deadline);
    if (now.meaning == Meaning::not_found) throw ended_early(api, machine);
    if (now.meaning == Meaning::done) {
      FlyMachine seen = read_machine(now.body);
      if (seen.state == "started") return with_secrets_of(machine, std::move(seen));
      if (has_ended(seen.state)) throw ended_early(api, machine);
    }
    if (waited.meaning != Meaning::not_yet && waited.meaning != Meaning::done)
      pause(kTransientPause, deadline);
  }
}

namespace {

void wait_until_destroyed(Api& api, const std::string& id, Deadline deadline) {
  for (;;) {
    const Answer waited = api.wait(id, {"destroyed"}, kLookEverySeconds, deadline);
    if (waited.meaning == Meaning::done || waited.meaning == Meaning::not_found || deadline.passed()) return;
    const Answer now = api.get(id, deadline);
    if (now.meaning == Meaning::not_found || text(now.body, "state") == "destroyed") return;
    if (waited.meaning != Meaning::not_yet) pause(kTransientPause, deadline);
  }
}

}  // namespace

Api& Engine::api(const Request& request) {
  const std::lock_guard lock(mutex_);
  if (!api_) api_ = std::make_unique<Api>(find_identity(request.settings), request.runtime_dir);
  return *api_;
}

json::object Engine::describe(const Request&) {
  return {{"protocol", 1},
          {"name", "fly"},
          {"abilities",
           {"boot", "list", "start", "stop", "suspend", "destroy", "logs", "connect", "lease", "dry_run"}},
          {"max_default", 10}};
}

std::optional<Engine::Seen> Engine::seen(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(name);
  return found == seen_.end() ? std::nullopt : std::optional(found->second);
}

void Engine::remember(const FlyMachine& machine, Seen::How how) {
  const std::lock_guard lock(mutex_);
  Seen& entry = seen_[machine.name];
  if (how == Seen::How::listed && entry.machine.id == machine.id) how = entry.how;
  entry = {machine, how, Deadline::in(kListGood)};
}

std::vector<FlyMachine> Engine::look(const Request& request) {
  auto all = all_machines(api(request), request.deadline, request.all);
  for (const FlyMachine& machine : all)
    if (machine.ours()) remember(machine, Seen::How::listed);
  const std::string image = image_of_a_boot(text(request.settings, "image"), all);
  const std::lock_guard lock(mutex_);
  image_ = image;
  image_good_until_ = Deadline::in(kListGood);
  return all;
}

std::optional<FlyMachine> Engine::named_if_there(const Request& request) {
  if (const auto known = seen(request.name);
      known && known->machine.pool == request.pool && !known->good_until.passed())
    return known->machine;
  for (FlyMachine& machine : look(request))
    if (machine.name == request.name && (machine.pool == request.pool || machine.keeper == request.pool))
      return std::move(machine);
  return std::nullopt;
}

FlyMachine Engine::named(const Request& request) {
  if (auto machine = named_if_there(request)) return *machine;
  throw none_of_that_name(request);
}

// Where a runner is behind the proxy, its address is that of the relay.
json::object Engine::shown(const Request& request, const FlyMachine& machine, const std::string& current) {
  json::object out = machine_object(machine, current);
  if (request.dry_run || !out.contains("address")) return out;
  if (const PoolConfig config = read_pool_config(request); config.proxy)
    out["address"] = proxy_address(request, config, api(request).identity().app, machine);
  return out;
}

json::object Engine::one(const Request& request, const FlyMachine& machine) {
  return {{"machine", shown(request, machine, "")}};
}

json::object Engine::list(const Request& request) {
  json::object out;
  if (!request.generation.empty()) {
    // Before a boot: what could not be booted is refused before anything is asked or bought.
    const PoolConfig config = read_pool_config(request);
    out["boot_price_per_second"] =
        price_per_second(config.guests.front(), config.regions.empty() ? "" : config.regions.front());
  }
  const auto all = look(request);
  const std::string current = image_of_a_boot(text(request.settings, "image"), all);
  json::array machines;
  for (const FlyMachine& machine : all)
    if (request.all ? machine.ours() : machine.pool == request.pool)
      machines.push_back(shown(request, machine, current));
    else if (request.all && !machine.keeper.empty() && !machine.leased)
      machines.push_back(record_object(machine));
  out["machines"] = std::move(machines);
  return out;
}

std::string Engine::image_for(const Request& request) {
  // A list that is empty may be one that lags: an app that was never deployed is told a moment later.
  for (int looks = 0;; ++looks) {
    {
      const std::lock_guard lock(mutex_);
      if (!image_.empty() && !image_good_until_.passed()) return image_;
    }
    if (looks == kLooksForImage) break;
    if (looks > 0) pause(kTransientPause, request.deadline);
    (void)look(request);
  }
  throw Error(ErrorKind::config,
              "the app '" + api(request).identity().app + "' has no machine whose image could be used",
              "deploy the app once ('fly deploy'), or name an image = \"registry.fly.io/…\" in flame.toml");
}

// What would be booted: the machine of the first guest, without its token.
json::object Engine::planned_boot(const Request& request, const PoolConfig& config) {
  constexpr const char* kHidden = "…";
  const json::value body = create_body(request, config, config.guests.front(), image_for(request), kHidden);
  std::string shown = json::serialize(body);
  const std::string token = base64(kHidden);
  if (const auto at = shown.find(token); at != shown.npos) shown.replace(at, token.size(), kHidden);
  tell(api(request), request, "POST", "", shown);
  FlyMachine machine = read_machine(body);
  machine.state = "started";
  machine.private_ip = "::";
  machine.region = config.regions.empty() ? "" : config.regions.front();
  return one(request, machine);
}

json::object Engine::boot(const Request& whole) {
  const Request request = with_time_to_clear(whole);
  const PoolConfig config = read_pool_config(request);
  if (request.dry_run) return planned_boot(request, config);
  if (config.proxy) check_public_address(api(request), request.deadline);
  const FlyMachine machine = boot_machine(api(request), request, image_for(request));
  remember(machine, Seen::How::booted);
  return one(request, machine);
}

json::object Engine::start(const Request& request) {
  Api& api_now = api(request);
  FlyMachine machine = named(request);
  if (request.dry_run) {
    tell(api_now, request, "POST", "/" + machine.id + "/start");
    machine.state = "started";
    return one(request, machine);
  }
  if (!is_starting(machine.state)) {
    // An answer that was lost may have been a yes: the same again would be refused for ever.
    const Answer answer = persist(
        request.deadline, [&] { return api_now.start(machine.id, request.deadline); },
        [&] { return is_starting(text(api_now.get(machine.id, request.deadline).body, "state")); });
    // Its host has no room for it now: another machine may have.
    if (answer.meaning == Meaning::host_full || answer.meaning == Meaning::region_full ||
        answer.meaning == Meaning::not_found)
      throw NameTaken("the machine '" + machine.name + "' cannot be started: " + answer.text);
    if (answer.meaning != Meaning::done) throw error_from(answer, "starting '" + machine.name + "'");
  }
  const FlyMachine started = wait_until_started(api_now, machine, request);
  remember(started, Seen::How::started);
  return one(request, started);
}

// A plan may name a machine that it would make.
json::object Engine::planned_change(const Request& request, const char* method, const char* end) {
  const auto machine = named_if_there(request);
  tell(api(request), request, method, "/" + (machine ? machine->id : "<" + request.name + ">") + end);
  return one(request, machine.value_or(FlyMachine()));
}

json::object Engine::stop(const Request& request) {
  if (request.dry_run) return planned_change(request, "POST", "/stop");
  return ask_to(request, "stop", "stopping", &Api::stop);
}

json::object Engine::suspend(const Request& request) {
  if (request.dry_run) return planned_change(request, "POST", "/suspend");
  return ask_to(request, "suspend", "suspending", &Api::suspend);
}

json::object Engine::ask_to(const Request& request, const char* verb, const char* state,
                            Answer (Api::*ask)(const std::string&, Deadline)) {
  Api& api_now = api(request);
  FlyMachine machine = named(request);
  const Answer answer =
      persist(request.deadline, [&] { return (api_now.*ask)(machine.id, request.deadline); });
  const bool gone = answer.meaning == Meaning::not_found && std::string_view(verb) == "stop";
  if (answer.meaning != Meaning::done && !gone)
    throw error_from(answer, "asking '" + machine.name + "' to " + verb);
  machine.state = state;
  return one(request, machine);
}

json::object Engine::destroy(const Request& request) {
  if (request.dry_run) return planned_change(request, "DELETE", "?force=true");
  Api& api_now = api(request);
  // Again only when the one that was known is gone: its name may be another's by now.
  for (bool gone = true; gone;) {
    const auto machine = named_if_there(request);
    if (!machine) return {};
    const Answer answer =
        persist(request.deadline, [&] { return api_now.destroy(machine->id, true, request.deadline); });
    gone = answer.meaning == Meaning::not_found;
    if (answer.meaning != Meaning::done && !gone)
      throw error_from(answer, "destroying '" + machine->name + "'");
    if (!gone) wait_until_destroyed(api_now, machine->id, request.deadline);  // its name is free then
    const std::lock_guard lock(mutex_);
    seen_.erase(machine->name);
  }
  return {};
}

json::object Engine::logs(const Request& request) {
  Api& api_now = api(request);
  return {{"text", log_lines(api_now, named(request).id, request.lines, request.deadline)}};
}

FlyMachine Engine::look_at(const Request& request, const Seen& seen) {
  Api& api_now = api(request);
  const FlyMachine& machine = seen.machine;
  const Answer now = api_now.get(machine.id, request.deadline);
  if (now.meaning != Meaning::not_found && now.meaning != Meaning::done) {
    Error unknown = error_from(now, "looking at '" + machine.name + "'");
    unknown.kind = ErrorKind::timed_out;  // it may be there: that is not for this answer to say
    throw Error(unknown);
  }
  FlyMachine out = now.meaning == Meaning::done ? with_secrets_of(machine, read_machine(now.body)) : machine;
  if (now.meaning == Meaning::done && !has_ended(out.state)) return out;
  const bool booted = seen.how == Seen::How::booted;
  const bool early = !request.was_ready && (booted || seen.how == Seen::How::started);
  const Error error = early ? ended_early(api_now, machine) : how_it_left(api_now, machine);
  // Kept stopped, it would be started again and again.
  if (booted && (out.state == "stopped" || out.state == "failed"))
    api_now.destroy(machine.id, true, Deadline::in(std::chrono::seconds(5)));
  throw Error(error);
}

json::object Engine::lease(const Request& request) {
  return keep_lease(api(request), request, [&] { return image_for(request); });
}

json::object Engine::release(const Request& request) { return release_lease(api(request), request); }

// Of one that this process has not seen: what has ended is looked for among the machines that are no more,
// too.
FlyMachine Engine::living(const Request& request) {
  std::optional<FlyMachine> machine = named_if_there(request);
  if (machine && !is_meant(request, *machine)) machine.reset();
  if (machine && !has_ended(machine->state)) return *machine;
  if (!machine) machine = newest_deleted(api(request), request);
  if (machine) throw how_it_left(api(request), *machine);
  throw none_of_that_name(request);
}

json::object Engine::connect(const Request& request) {
  const auto known = seen(request.name);
  const bool is_it = known && known->machine.pool == request.pool && is_meant(request, known->machine);
  const FlyMachine machine = is_it ? look_at(request, *known) : living(request);
  json::object object = shown(request, machine, "");
  if (!object.contains("address"))
    throw Error(ErrorKind::unreachable,
                "the machine '" + machine.name + "' (" + machine.state + ") has no address now");
  return {{"address", object.at("address")}, {"hint", reach_hint(read_pool_config(request), machine)}};
}

}  // namespace flame::backend::fly
