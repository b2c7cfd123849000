#include <algorithm>
#include <charconv>

#include "api.hpp"
#include "machine_json.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

constexpr std::size_t kMostInPage = 1000;

struct Filter {
  bool deleted = false;
  std::vector<std::string> regions, states;
  std::vector<std::pair<std::string, std::string>> metadata;
};

std::vector<std::string> words(const std::vector<std::string>& lists) {
  std::vector<std::string> out;
  for (std::string_view list : lists)
    while (!list.empty()) {
      const std::string_view word = list.substr(0, list.find(','));
      list.remove_prefix(std::min(list.size(), word.size() + 1));
      if (!word.empty()) out.emplace_back(word);
    }
  return out;
}

Filter filter_of(const Request& request) {
  Filter filter;
  filter.deleted = request.has_flag("include_deleted");
  filter.regions = words(request.parameters("region"));
  filter.states = words(request.parameters("state"));
  for (const std::string& state : filter.states)
    if (std::find(kStateNames.begin(), kStateNames.end(), state) == kStateNames.end())
      throw bad_request("invalid_argument: unknown state " + state);
  for (const auto& [name, value] : request.query)
    if (name.starts_with("metadata.")) filter.metadata.emplace_back(name.substr(9), value);
  return filter;
}

bool among(const std::vector<std::string>& words, std::string_view word) {
  return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

bool passes(const Filter& filter, const Machine& machine) {
  if (!machine.live() && !filter.deleted) return false;
  if (!among(filter.regions, machine.region) || !among(filter.states, state_name(machine.state())))
    return false;
  const auto* metadata = member(machine.config(), "metadata");
  return std::all_of(filter.metadata.begin(), filter.metadata.end(), [&](const auto& wanted) {
    return metadata != nullptr && text(*metadata, wanted.first, "\0none") == wanted.second;
  });
}

// A list may be late, lack rows, or be empty.
bool shown(Exchange& x, const Machine& machine) {
  const FaultPlace place{x.action, machine.id, machine.region, machine.app, {}};
  const Fault* late = x.world.faults.standing("list_lag", place);
  if (late != nullptr && machine.created_at_ms + late->delay_ms > unix_ms()) return false;
  return x.world.faults.strike("list_lacks", place) == nullptr;
}

std::size_t limit_of(const Request& request) {
  const auto text = request.parameter("limit");
  if (!text) return 0;
  std::size_t limit = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (failed != std::errc() || end != text->data() + text->size() || limit < 1 || limit > kMostInPage)
    throw bad_request("invalid_argument: limit must be inside range [1, 1000]");
  return limit;
}

std::vector<MachinePtr> found(Exchange& x, const std::string& app) {
  const Filter filter = filter_of(x.request);
  std::vector<MachinePtr> out;
  if (x.strike("list_empty") != nullptr) return out;
  x.world.forget_destroyed();
  for (const MachinePtr& machine : x.world.machines_of(app))
    if (passes(filter, *machine) && shown(x, *machine)) out.push_back(machine);
  return out;
}

// Keeps one page; the rest begins after the returned cursor, which is empty at the end.
std::string cut_to_page(std::vector<MachinePtr>& machines, const Request& request) {
  const std::size_t limit = limit_of(request);
  if (const auto cursor = request.parameter("cursor"); cursor && !cursor->empty()) {
    const auto last =
        std::find_if(machines.begin(), machines.end(), [&](const MachinePtr& m) { return m->id == *cursor; });
    if (last != machines.end()) machines.erase(machines.begin(), last + 1);
  }
  if (limit == 0 || machines.size() <= limit) return {};
  machines.resize(limit);
  return machines.back()->id;
}

json::array shown_as(const std::vector<MachinePtr>& machines, const Request& request) {
  json::array out;
  for (const MachinePtr& machine : machines)
    out.push_back(machine_json(*machine, {request.has_flag("summary"), request.has_flag("include_leases")}));
  return out;
}

}  // namespace

void list(Exchange& x) {
  auto machines = found(x, x.app->name);
  const std::string next = cut_to_page(machines, x.request);
  if (!next.empty()) x.header("fly-next-cursor", next);
  x.reply(200, shown_as(machines, x.request));
}

void list_of_org(Exchange& x) {
  if (x.parameters["org"] != x.token->org || !x.token->app.empty())
    throw api_error(403, "unauthorized: not allowed to access this organization");
  std::vector<MachinePtr> machines;
  for (const auto& [name, app] : x.world.apps) {
    if (app.org != x.token->org) continue;
    const auto more = found(x, name);
    machines.insert(machines.end(), more.begin(), more.end());
  }
  const std::string next = cut_to_page(machines, x.request);
  x.reply(200, json::object{{"machines", shown_as(machines, x.request)},
                            {"next_cursor", next},
                            {"error_regions", json::array{}},
                            {"last_machine_id", machines.empty() ? "" : machines.back()->id},
                            {"last_updated_at",
                             rfc3339(machines.empty() ? unix_ms() : machines.back()->updated_at_ms)}});
}

}  // namespace flame::fly::api
