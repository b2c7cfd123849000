#include "cli/commands/pool_view.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "base/text.hpp"
#include "base/unix_time.hpp"
#include "cli/commands/pool_status.hpp"
#include "cli/ui/table.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

json::object runner_view(const client::Keeper& keeper, const client::Kept& one) {
  boost::system::error_code why;
  const json::value said = json::parse(one.info, why);
  const auto member = [&](const char* key) -> json::value {
    const auto* value = why || !said.is_object() ? nullptr : said.get_object().if_contains(key);
    return value != nullptr && one.linked ? *value : json::value();
  };
  json::object out = {{"name", one.machine.name},
                      {"state", client::state_name(one.state)},
                      {"current", keeper.is_current(one)}};
  for (const char* key : {"slots", "busy", "queued", "idle_ms", "calls", "p50_ms", "p95_ms"})
    out[key] = member(key);
  const std::uint64_t created_at_ms = one.machine.created_at_ms;
  out["age_ms"] = created_at_ms == 0 ? json::value() : json::value(unix_age_ms(created_at_ms));
  out["usd_per_hour"] = one.machine.price_per_second * 3600;
  out["in_flight"] = member("in_flight").is_array() ? member("in_flight") : json::array();
  return out;
}

double number_of(const json::value& value) { return value.is_number() ? value.to_number<double>() : 0; }

json::object totals_of(const json::array& runners) {
  double ready = 0, coming = 0, old = 0, slots = 0, busy = 0, queued = 0, p95 = 0, cost = 0;
  for (const json::value& value : runners) {
    const json::object& one = value.as_object();
    const auto& state = one.at("state").as_string();
    ready += state == "ready" ? 1 : 0;
    coming += state == "coming" ? 1 : 0;
    old += one.at("current").as_bool() ? 0 : 1;
    slots += number_of(one.at("slots"));
    busy += number_of(one.at("busy"));
    queued += number_of(one.at("queued"));
    p95 = std::max(p95, number_of(one.at("p95_ms")));
    cost += number_of(one.at("usd_per_hour"));
  }
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  return {{"runners", runners.size()}, {"ready", whole(ready)}, {"coming", whole(coming)},
          {"old", whole(old)},         {"slots", whole(slots)}, {"busy", whole(busy)},
          {"queued", whole(queued)},   {"p95_ms", p95},         {"usd_per_hour", cost}};
}

std::string text_of(const json::value& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? printable(json::value_to<std::string>(value)) : json::serialize(value);
}

std::string time_of(const json::value& value) {
  return value.is_number() ? human_duration(static_cast<std::uint64_t>(number_of(value))) : "-";
}

// Milliseconds with what matters of them; "-" where no call ended lately.
std::string quick_time_of(const json::value& value) {
  const double ms = number_of(value);
  if (ms <= 0) return "-";
  if (ms >= 10) return human_duration(static_cast<std::uint64_t>(ms));
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", ms);
  return text;
}

std::string dollars(const json::value& per_hour) { return hourly(number_of(per_hour) / 3600); }

void add_lines(std::vector<std::string>& out, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
}

std::string headline(const json::object& view) {
  const json::object& totals = view.at("totals").as_object();
  return "pool " + text_of(view.at("pool")) + " (" + text_of(view.at("backend")) +
         "): " + text_of(totals.at("ready")) + " ready, " + text_of(totals.at("coming")) + " coming, " +
         text_of(totals.at("old")) + " old, max " + text_of(view.at("max")) + "; busy " +
         text_of(totals.at("busy")) + "/" + text_of(totals.at("slots")) + ", queued " +
         text_of(totals.at("queued")) + "; p95 " + quick_time_of(totals.at("p95_ms")) + "; " +
         dollars(totals.at("usd_per_hour"));
}

// Of all runners, the oldest first.
void add_calls(std::vector<std::string>& out, const json::array& runners) {
  struct Row {
    double age_ms;
    std::vector<std::string> cells;
  };
  std::vector<Row> rows;
  for (const json::value& runner : runners)
    for (const json::value& call : runner.at("in_flight").as_array()) {
      if (!call.is_object()) continue;
      const auto cell = [&](const char* key) {
        const auto* value = call.get_object().if_contains(key);
        return value != nullptr ? *value : json::value();
      };
      rows.push_back(
          {number_of(cell("age_ms")),
           {time_of(cell("age_ms")), text_of(cell("state")),
            text_of(cell("plugin")) + " " + text_of(cell("function")), text_of(runner.at("name"))}});
    }
  if (rows.empty()) return;
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.age_ms > b.age_ms; });
  Table table({"AGE", "STATE", "CALL", "RUNNER"});
  for (Row& row : rows) table.add(std::move(row.cells));
  out.emplace_back();
  add_lines(out, table.text());
}

}  // namespace

json::object pool_view(const client::Keeper& keeper) {
  json::array runners;
  for (const client::Kept& one : keeper.runners()) runners.push_back(runner_view(keeper, one));
  std::sort(runners.begin(), runners.end(), [](const json::value& a, const json::value& b) {
    return a.at("name").as_string() < b.at("name").as_string();
  });
  const client::PoolSettings& settings = keeper.pool().settings();
  json::object out = {{"pool", settings.name},
                      {"backend", settings.backend},
                      {"at_ms", static_cast<std::int64_t>(unix_now_ms())},
                      {"min", settings.min},
                      {"max", settings.max}};
  out["totals"] = totals_of(runners);
  out["runners"] = std::move(runners);
  out["keeper"] = nullptr;
  if (const auto keeps = client::keeper_of(keeper.pool()))
    out["keeper"] = {{"pid", keeps->pid},
                     {"decision", keeps->decision},
                     {"decided_at_ms", keeps->decided_at_ms},
                     {"boots_ready", keeps->boots_ready},
                     {"boots_failed", keeps->boots_failed}};
  out["trouble"] = keeper.trouble().empty() ? json::value() : json::value(keeper.trouble());
  return out;
}

std::vector<std::string> view_lines(const json::object& view) {
  std::vector<std::string> out = {headline(view)};
  if (view.at("keeper").is_object()) {
    const json::object& keeps = view.at("keeper").as_object();
    std::string line = "keeper " + text_of(keeps.at("pid")) + " (booted " + text_of(keeps.at("boots_ready")) +
                       ", failed " + text_of(keeps.at("boots_failed")) + ")";
    if (!keeps.at("decision").as_string().empty())
      line += ", " + time_of(view.at("at_ms").as_int64() - keeps.at("decided_at_ms").as_int64()) +
              " ago: " + text_of(keeps.at("decision"));
    out.push_back(line);
  }
  if (view.at("trouble").is_string()) out.push_back("trouble: " + text_of(view.at("trouble")));
  out.emplace_back();
  Table table({"NAME", "STATE", "SLOTS", "BUSY", "QUEUED", "CALLS", "P50", "P95", "IDLE", "AGE", "COST"});
  for (const json::value& value : view.at("runners").as_array()) {
    const json::object& one = value.as_object();
    table.add({text_of(one.at("name")),
               text_of(one.at("state")) + (one.at("current").as_bool() ? "" : " (old)"),
               text_of(one.at("slots")), text_of(one.at("busy")), text_of(one.at("queued")),
               text_of(one.at("calls")), quick_time_of(one.at("p50_ms")), quick_time_of(one.at("p95_ms")),
               time_of(one.at("idle_ms")), time_of(one.at("age_ms")), dollars(one.at("usd_per_hour"))});
  }
  add_lines(out, table.text());
  add_calls(out, view.at("runners").as_array());
  return out;
}

}  // namespace flame::cli
