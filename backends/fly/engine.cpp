#include "backends/fly/engine.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "backends/fly/boot.hpp"
#include "backends/fly/image.hpp"
#include "backends/fly/pool_config.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr milliseconds kTransientPause{400};
constexpr std::size_t kLogLinesShown = 20;

void pause(Deadline deadline) {
  std::this_thread::sleep_for(milliseconds(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(kTransientPause.count()), deadline.remaining_ms())));
}

// Asks until the answer is another than "not just now".
template <class Ask>
Answer persist(Deadline deadline, Ask ask) {
  for (;;) {
    Answer answer = ask();
    const bool again = answer.meaning == Meaning::transient || answer.meaning == Meaning::ambiguous;
    if (!again || deadline.passed()) return answer;
    pause(deadline);
  }
}

json::object one(const FlyMachine& machine) { return {{"machine", machine_object(machine, "")}}; }

std::string log_lines(Api& api, const std::string& id, std::size_t most, Deadline deadline) {
  const Answer answer = api.logs(id, deadline);
  if (answer.meaning != Meaning::done) throw error_from(answer, "asking for the log");
  std::vector<std::string> lines;
  const auto* object = answer.body.if_object();
  const auto* data = object != nullptr ? object->if_contains("data") : nullptr;
  if (data != nullptr && data->is_array())
    for (const auto& entry : data->get_array()) {
      boost::system::error_code why;
      const auto* message = entry.find_pointer("/attributes/message", why);
      if (message != nullptr && message->is_string()) lines.push_back(json::value_to<std::string>(*message));
    }
  std::string out;
  const std::size_t from = most != 0 && lines.size() > most ? lines.size() - most : 0;
  for (std::size_t i = from; i < lines.size(); ++i) {
    while (lines[i].ends_with("\n")) lines[i].pop_back();
    out += lines[i] + "\n";
  }
  return out;
}

// "it exited with 127", "it was killed for memory": from the newest exit event. Empty without one.
std::string exit_words(Api& api, const std::string& id, Deadline deadline) {
  const Answer answer = api.events(id, deadline);
  if (answer.meaning != Meaning::done || !answer.body.is_array()) return {};
  for (const auto& event : answer.body.get_array()) {
    boost::system::error_code why;
    const auto* exit = event.find_pointer("/request/exit_event", why);
    if (exit == nullptr) exit = event.find_pointer("/request/MonitorEvent/exit_event", why);
    if (exit == nullptr || !exit->is_object()) continue;
    const auto number = [&](const char* key) {
      const auto* value = exit->get_object().if_contains(key);
      return value != nullptr && value->is_int64() ? value->get_int64() : 0;
    };
    const auto* oom = exit->get_object().if_contains("oom_killed");
    if (oom != nullptr && oom->is_bool() && oom->get_bool())
      return "it was killed for memory: its guest is too small";
    const auto signal = std::max(number("signal"), number("guest_signal"));
    if (signal > 0) return "it died of signal " + std::to_string(signal);
    return "it exited with " + std::to_string(number("exit_code"));
  }
  return {};
}

Error ended_early(Api& api, const FlyMachine& machine) {
  const Deadline patience = Deadline::in(std::chrono::seconds(5));
  std::string words, log;
  try {
    words = exit_words(api, machine.id, patience);
    log = log_lines(api, machine.id, kLogLinesShown, patience);
  } catch (const Error&) {  // that it ended is the news; why it did could not be had
  }
  while (log.ends_with("\n")) log.pop_back();
  return Error(ErrorKind::boot_failed,
               "the machine '" + machine.name + "' (" + machine.id + ") ended before it was ready" +
                   (words.empty() ? "" : ": " + words),
               log.empty() ? "does the image hold flame-runner? 'runner' in flame.toml names its path"
                           : "its log ends with:\n" + log);
}

}  // namespace

std::vector<FlyMachine> all_machines(Api& api, Deadline deadline) {
  const Answer answer = api.list("", deadline);
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

FlyMachine machine_named(Api& api, const Request& request) {
  for (FlyMachine& machine : all_machines(api, request.deadline))
    if (machine.name == request.name && machine.pool == request.pool) return std::move(machine);
  throw Error(ErrorKind::unreachable,
              "there is no machine '" + request.name + "' in the pool '" + request.pool + "'");
}

FlyMachine wait_until_started(Api& api, const FlyMachine& machine, Deadline deadline) {
  for (;;) {
    const Answer waited = api.wait(machine.id, {"started", "stopped", "failed", "destroyed"}, deadline);
    if (waited.meaning == Meaning::not_found) throw ended_early(api, machine);
    const Answer now = api.get(machine.id, deadline);
    if (now.meaning == Meaning::not_found) throw ended_early(api, machine);
    if (now.meaning == Meaning::done) {
      FlyMachine seen = read_machine(now.body);
      if (seen.state == "started") {
        if (seen.token.empty()) seen.token = machine.token;  // a config that is not told
        if (seen.port == 0) seen.port = machine.port;
        return seen;
      }
      if (seen.state == "stopped" || seen.state == "failed" || seen.state == "destroyed" ||
          seen.state == "destroying")
        throw ended_early(api, machine);
    }
    if (deadline.passed())
      throw Error(ErrorKind::timed_out,
                  "the machine '" + machine.name + "' (" + machine.id + ") did not start in time",
                  "boot_timeout in flame.toml gives it longer");
    if (waited.meaning != Meaning::not_yet && waited.meaning != Meaning::done) pause(deadline);
  }
}

Api& Engine::api(const Request& request) {
  const std::lock_guard lock(mutex_);
  if (!api_) api_ = std::make_unique<Api>(find_identity(request.settings), request.runtime_dir);
  return *api_;
}

json::object Engine::describe(const Request&) {
  return {{"protocol", 1},
          {"name", "fly"},
          {"abilities", {"boot", "list", "start", "stop", "suspend", "destroy", "logs", "connect"}},
          {"max_default", 10}};
}

json::object Engine::list(const Request& request) {
  // Before a boot: what could not be booted is refused before anything is asked or bought.
  if (!request.generation.empty()) (void)read_pool_config(request);
  const auto all = all_machines(api(request), request.deadline);
  const auto* image = request.settings.if_contains("image");
  const std::string current =
      image != nullptr && image->is_string() ? json::value_to<std::string>(*image) : newest_app_image(all);
  json::array machines;
  for (const FlyMachine& machine : all)
    if (machine.pool == request.pool) machines.push_back(machine_object(machine, current));
  return {{"machines", std::move(machines)}};
}

json::object Engine::boot(const Request& request) { return one(boot_machine(api(request), request)); }

json::object Engine::start(const Request& request) {
  Api& api_now = api(request);
  const FlyMachine machine = machine_named(api_now, request);
  if (machine.state != "started" && machine.state != "starting") {
    const Answer answer =
        persist(request.deadline, [&] { return api_now.start(machine.id, request.deadline); });
    // Its host has no room for it now: another machine may have.
    if (answer.meaning == Meaning::host_full || answer.meaning == Meaning::region_full ||
        answer.meaning == Meaning::not_found)
      throw NameTaken("the machine '" + machine.name + "' cannot be started: " + answer.text);
    if (answer.meaning != Meaning::done && answer.meaning != Meaning::transient)
      throw error_from(answer, "starting '" + machine.name + "'");
  }
  return one(wait_until_started(api_now, machine, request.deadline));
}

json::object Engine::stop(const Request& request) {
  Api& api_now = api(request);
  FlyMachine machine = machine_named(api_now, request);
  const Answer answer = persist(request.deadline, [&] { return api_now.stop(machine.id, request.deadline); });
  if (answer.meaning != Meaning::done && answer.meaning != Meaning::not_found)
    throw error_from(answer, "stopping '" + machine.name + "'");
  machine.state = "stopping";
  return one(machine);
}

json::object Engine::suspend(const Request& request) {
  Api& api_now = api(request);
  FlyMachine machine = machine_named(api_now, request);
  const Answer answer =
      persist(request.deadline, [&] { return api_now.suspend(machine.id, request.deadline); });
  if (answer.meaning != Meaning::done) throw error_from(answer, "suspending '" + machine.name + "'");
  machine.state = "suspending";
  return one(machine);
}

json::object Engine::destroy(const Request& request) {
  Api& api_now = api(request);
  for (const FlyMachine& machine : all_machines(api_now, request.deadline)) {
    if (machine.name != request.name || machine.pool != request.pool) continue;
    const Answer answer =
        persist(request.deadline, [&] { return api_now.destroy(machine.id, true, request.deadline); });
    if (answer.meaning != Meaning::done && answer.meaning != Meaning::not_found)
      throw error_from(answer, "destroying '" + machine.name + "'");
    (void)api_now.wait(machine.id, {"destroyed"}, request.deadline);  // its name is free then
  }
  return {};
}

json::object Engine::logs(const Request& request) {
  Api& api_now = api(request);
  return {{"text", log_lines(api_now, machine_named(api_now, request).id, request.lines, request.deadline)}};
}

json::object Engine::connect(const Request& request) {
  const FlyMachine machine = machine_named(api(request), request);
  json::object object = machine_object(machine, "");
  if (!object.contains("address"))
    throw Error(ErrorKind::unreachable,
                "the machine '" + machine.name + "' (" + machine.state + ") has no address now");
  return {{"address", object.at("address")}};
}

}  // namespace flame::backend::fly
