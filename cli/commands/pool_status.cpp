#include "cli/commands/pool_status.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/unix_time.hpp"
#include "cli/ui/table.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

// What a runner says of itself, or why it says nothing.
struct Hello {
  std::string state = "silent";
  json::object said;
};

Hello ask_runner(client::Pool& pool, const client::Machine& machine, Deadline deadline) {
  Hello out;
  if (machine.state != "started") out.state = machine.state;
  if (machine.state != "started" || !machine.address.known()) return out;
  try {
    const auto link = pool.connect({machine.name, machine.address, machine.generation},
                                   deadline.earlier(Deadline::in(std::chrono::seconds(2))));
    out.said = json::parse(link->hello()).as_object();
    out.state = client::is_draining(*link) ? "draining" : "ready";
  } catch (const Error&) {  // silent says it
  }
  return out;
}

std::uint64_t age_ms(const client::Machine& machine) {
  return machine.created_at_ms == 0 ? 0 : unix_age_ms(machine.created_at_ms);
}

// Of an engine that has them: where it is, what it is made of, what it costs.
void add_what_the_engine_knows(json::object& out, const client::Machine& machine) {
  boost::system::error_code why;
  const json::value details = json::parse(machine.details, why);
  if (why || !details.is_object()) return;
  for (const char* key : {"id", "region", "guest", "image", "price_per_second"})
    if (const auto* value = details.get_object().if_contains(key)) out[key] = *value;
}

std::string cell(const json::value& runner, const char* key) {
  const json::value* const found = runner.as_object().if_contains(key);
  if (found == nullptr || found->is_null()) return "-";
  return found->is_string() ? printable(json::value_to<std::string>(*found)) : json::serialize(*found);
}

std::string time_cell(const json::value& runner, const char* key) {
  const json::value* const found = runner.as_object().if_contains(key);
  boost::system::error_code why;
  const auto ms = found != nullptr ? found->to_number<std::uint64_t>(why) : 0;
  return found == nullptr || why ? "-" : human_duration(ms);
}

// "deployment-01J…@sha256:0123456789ab": what tells two images of one app apart.
std::string image_cell(const json::value& runner) {
  const std::string image = cell(runner, "image");
  const std::size_t digest = image.find("@sha256:");
  if (digest != image.npos) return image.substr(digest + 8, 12);
  return image.substr(image.rfind('/') + 1);
}

}  // namespace

std::string hourly(double usd_per_second) {
  char text[32];
  std::snprintf(text, sizeof text, "$%.4f/h", usd_per_second * 3600);
  return text;
}

json::object runner_status(client::Pool& pool, const client::Machine& machine, Deadline deadline) {
  const Hello hello = ask_runner(pool, machine, deadline);
  const auto said = [&](const char* key) -> json::value {
    const auto* value = hello.said.if_contains(key);
    return value != nullptr ? *value : json::value();
  };
  json::object out = {{"name", machine.name}, {"state", hello.state},     {"slots", said("slots")},
                      {"busy", said("busy")}, {"queued", said("queued")}, {"idle_ms", said("idle_ms")}};
  out["held"] = said("held");
  out["pid"] = machine.pid != 0 ? json::value(machine.pid) : said("pid");
  if (!machine.address.unix_path.empty()) out["address"] = {{"unix", machine.address.unix_path}};
  if (!machine.address.tcp.empty()) out["address"] = {{"tcp", machine.address.tcp}};
  out["generation"] = machine.generation;
  out["current"] = machine.generation == pool.generation();
  out["age_ms"] = age_ms(machine);
  add_what_the_engine_knows(out, machine);
  out["pool"] = machine.pool.empty() ? pool.settings().name : machine.pool;
  out["backend"] = pool.settings().backend;
  return out;
}

bool is_idle(const json::object& runner) {
  const auto zero = [&](const char* key) { return json::serialize(runner.at(key)) == "0"; };
  const bool holds = !zero("held") && !runner.at("held").is_null();  // older runners hold nothing
  return runner.at("state").as_string() == "ready" && zero("busy") && zero("queued") && !holds;
}

std::string status_table(const json::array& runners) {
  const bool elsewhere = std::any_of(runners.begin(), runners.end(), [](const json::value& runner) {
    return runner.as_object().contains("region");
  });
  std::vector<std::string> heads = {"NAME", "STATE", "SLOTS", "BUSY", "QUEUED", "IDLE"};
  if (elsewhere) heads.insert(heads.end(), {"REGION", "GUEST", "IMAGE", "COST"});
  heads.insert(heads.end(), {"PID", "AGE", "GENERATION"});
  Table table(std::move(heads));
  for (const json::value& runner : runners) {
    std::vector<std::string> row = {cell(runner, "name"),   cell(runner, "state"),
                                    cell(runner, "slots"),  cell(runner, "busy"),
                                    cell(runner, "queued"), time_cell(runner, "idle_ms")};
    if (elsewhere)
      row.insert(row.end(), {cell(runner, "region"), cell(runner, "guest"), image_cell(runner),
                             hourly(runner.as_object().contains("price_per_second")
                                        ? runner.at("price_per_second").to_number<double>()
                                        : 0)});
    row.insert(row.end(), {cell(runner, "pid"), time_cell(runner, "age_ms"),
                           cell(runner, "generation") + (runner.at("current").as_bool() ? "" : " (old)")});
    table.add(std::move(row));
  }
  return table.text();
}

}  // namespace flame::cli
