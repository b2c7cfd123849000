#include "backends/fly/ending.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "backends/fly/members.hpp"
#include "backends/kit/serve.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr std::size_t kLogLinesShown = 20;
constexpr milliseconds kPatience{5000};

// The newest exit event among a machine's events, which come newest first.
std::optional<json::value> exit_event(const json::value& events) {
  const auto* list = events.if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::value& request = member((*list)[i], "request");
    for (const json::value* holder : {&request, &member(request, "MonitorEvent")})
      if (const json::value& found = member(*holder, "exit_event"); found.is_object()) return found;
  }
  return std::nullopt;
}

// Since it was started the last time. One that never came to run has no exit event.
bool was_asked_to_end(const json::value& events) {
  const auto* list = events.if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string type = text((*list)[i], "type");
    if (type == "start" || type == "launch") return false;
    if ((type == "stop" || type == "destroy") && text((*list)[i], "source") == "user") return true;
  }
  return false;
}

std::string exit_words(const json::value& exit) {
  if (truth(exit, "oom_killed")) return "it was killed for memory (oom_killed): its guest is too small";
  if (const auto signal = std::max(number(exit, "signal"), number(exit, "guest_signal")); signal > 0)
    return "it died of signal " + std::to_string(signal);
  const std::string words = "it exited with " + std::to_string(number(exit, "exit_code"));
  return truth(exit, "requested_stop") ? words + " after somebody asked it to stop" : words;
}

struct Ending {
  std::string words;  // empty: no event says it
  std::string log;
  bool by_itself = false;  // it exited with 0, as it does when idle
  bool of_memory = false;
  bool asked = false;  // somebody asked it to stop
};

Ending ending_of(Api& api, const std::string& id) {
  const Deadline patience = Deadline::in(kPatience);
  Ending out;
  try {
    const Answer answer = api.events(id, patience);
    if (answer.meaning == Meaning::done) out.asked = was_asked_to_end(answer.body);
    if (const auto exit = answer.meaning == Meaning::done ? exit_event(answer.body) : std::nullopt) {
      out.words = exit_words(*exit);
      out.asked = out.asked || truth(*exit, "requested_stop");
      out.of_memory = truth(*exit, "oom_killed");
      out.by_itself = out.words.starts_with("it exited with 0");
    }
    out.log = log_lines(api, id, kLogLinesShown, patience);
  } catch (const Error&) {  // that it ended is the news; why it did could not be had
  }
  while (out.log.ends_with("\n")) out.log.pop_back();
  return out;
}

std::string words_of(const FlyMachine& machine) {
  return "'" + machine.name + "' (" + machine.id + ", " + machine.guest.name() + ")";
}

std::string log_hint(const Ending& ending, const std::string& without = {}) {
  return ending.log.empty() ? without : "its log ends with:\n" + ending.log;
}

Error error_of(const Ending& ending, const FlyMachine& machine) {
  return Error(ErrorKind::boot_failed,
               "the machine " + words_of(machine) + " ended before it was ready" +
                   (ending.words.empty() ? "" : ": " + ending.words),
               log_hint(ending, "does the image hold flame-runner? 'runner' in flame.toml names its path"));
}

Error left(const FlyMachine& machine) {
  Error error(ErrorKind::unreachable, "the machine '" + machine.name + "' (" + machine.id + ") has left");
  error.type = backend::kHasLeft;
  return error;
}

}  // namespace

std::string log_lines(Api& api, const std::string& id, std::size_t most, Deadline deadline) {
  const Answer answer = api.logs(id, deadline);
  if (answer.meaning != Meaning::done) throw error_from(answer, "asking for the log");
  std::vector<std::string> lines;
  if (const auto* data = member(answer.body, "data").if_array())
    for (const auto& entry : *data) lines.push_back(text(member(entry, "attributes"), "message"));
  std::string out;
  for (std::size_t i = most != 0 && lines.size() > most ? lines.size() - most : 0; i < lines.size(); ++i) {
    while (lines[i].ends_with("\n")) lines[i].pop_back();
    out += lines[i] + "\n";
  }
  return out;
}

Error ended_early(Api& api, const FlyMachine& machine) {
  const Ending ending = ending_of(api, machine.id);
  // A runner of ours was up, and left before we knew of it; or another user drains the pool.
  const bool was_up = ending.by_itself && ending.log.find("\"event\":\"leaving\"") != std::string::npos;
  if (was_up || ending.asked) return left(machine);
  return error_of(ending, machine);
}

Error how_it_left(Api& api, const FlyMachine& machine) {
  const Ending ending = ending_of(api, machine.id);
  if (ending.by_itself || ending.words.empty()) return left(machine);
  return Error(ending.of_memory ? ErrorKind::out_of_memory : ErrorKind::boot_failed,
               "the machine " + words_of(machine) + " ended: " + ending.words,
               ending.of_memory
                   ? "a greater guest in flame.toml or by --guest has more; oom_ladder names what comes next"
                   : log_hint(ending));
}

}  // namespace flame::backend::fly
