#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "cli/ui/table.hpp"
#include "client/config/config.hpp"
#include "client/image/ask_image.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;

enum Id { pool_name, size, lines, timeout, as_json, yes, help };

constexpr VerbSpec kVerbs[] = {
    {"status", "name, state, slots, busy and queued calls of each runner"},
    {"warm", "start runners before they are needed: min, or 1, or --size"},
    {"cool", "end the runners that have nothing to do, but min of them"},
    {"drain", "no new calls; returns when the runners have done theirs"},
    {"destroy", "end all runners; calls that run have 5 s to finish"},
    {"logs", "the log of each runner, or of the one that is named"},
};

constexpr OptionSpec kOptions[] = {
    {pool_name, "pool", 0, "NAME", "the pool; its settings stand in flame.toml"},
    {size, "size", 0, "N", "warm: how many runners"},
    {lines, "lines", 'n', "N", "logs: so many lines from the end"},
    {timeout, "timeout", 0, "DURATION", "give up after this: 250ms, 30s, 5m"},
    {as_json, "json", 0, nullptr, "status: an array of objects"},
    {yes, "yes", 'y', nullptr, "destroy: do not ask"},
    {help, "help", 'h', nullptr, "this text"},
};

struct Options {
  std::optional<std::string> pool;
  std::optional<std::uint64_t> size, lines;
  Deadline deadline;
  bool json = false, yes = false, help = false;
  std::string verb, name;
};

std::uint64_t number_from(const char* option, const char* text) {
  std::uint64_t value = 0;
  const char* const last = text + std::strlen(text);
  const auto [end, error] = std::from_chars(text, last, value);
  if (error != std::errc() || end != last || value == 0)
    throw usage_error(kPoolSpec, std::string(option) + " wants a number from 1, got '" + text + "'");
  return value;
}

void apply(Options& out, int id, const char* value) {
  switch (static_cast<Id>(id)) {
    case pool_name:
      out.pool = value;
      return;
    case size:
      out.size = number_from("--size", value);
      return;
    case lines:
      out.lines = number_from("--lines", value);
      return;
    case timeout: {
      const auto ms = parse_duration_ms(value);
      if (!ms)
        throw usage_error(kPoolSpec,
                          std::string("--timeout wants a duration such as 30s, got '") + value + "'");
      out.deadline = Deadline::from_remaining_ms(*ms);
      return;
    }
    case as_json:
      out.json = true;
      return;
    case yes:
      out.yes = true;
      return;
    case help:
      out.help = true;
  }
}

void check_verb(const Options& options) {
  std::vector<std::string> verbs;
  for (const VerbSpec& verb : kVerbs) {
    if (options.verb == verb.name) return;
    verbs.emplace_back(verb.name);
  }
  Error error =
      usage_error(kPoolSpec, options.verb.empty() ? "wants a verb" : "unknown verb '" + options.verb + "'");
  error.hint = near_hint(options.verb, verbs, error.hint);
  throw error;
}

Options parse(int argc, char** argv) {
  Options out;
  OptionReader reader(kPoolSpec, argc, argv);
  for (;;) {
    while (const OptionSpec* option = reader.next()) apply(out, option->id, reader.value());
    const char* word = reader.operand();
    if (word == nullptr) break;
    if (out.verb.empty())
      out.verb = word;
    else if (out.verb == "logs" && out.name.empty())
      out.name = word;
    else
      throw usage_error(kPoolSpec, std::string("one word too many: '") + word + "'");
  }
  if (out.help || argc < 2) {
    out.help = true;
    return out;
  }
  check_verb(out);
  const auto only_for = [&](bool given, const char* option, const char* verb) {
    if (given && out.verb != verb)
      throw usage_error(kPoolSpec, std::string(option) + " is for '" + verb + "'");
  };
  only_for(out.json, "--json", "status");
  only_for(out.size.has_value(), "--size", "warm");
  only_for(out.lines.has_value(), "--lines", "logs");
  only_for(out.yes, "--yes", "destroy");
  return out;
}

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
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
  return machine.created_at_ms == 0 || now_ms < machine.created_at_ms ? 0 : now_ms - machine.created_at_ms;
}

// Of an engine that has them: where it is, what it is made of, what it costs.
void add_what_the_engine_knows(json::object& out, const client::Machine& machine) {
  boost::system::error_code why;
  const json::value details = json::parse(machine.details, why);
  if (why || !details.is_object()) return;
  for (const char* key : {"id", "region", "guest", "image", "price_per_second"})
    if (const auto* value = details.get_object().if_contains(key)) out[key] = *value;
}

json::object status_of(client::Pool& pool, const client::Machine& machine, Deadline deadline) {
  const Hello hello = ask_runner(pool, machine, deadline);
  const auto said = [&](const char* key) -> json::value {
    const auto* value = hello.said.if_contains(key);
    return value != nullptr ? *value : json::value();
  };
  json::object out = {{"name", machine.name},
                      {"state", hello.state},
                      {"slots", said("slots")},
                      {"busy", said("busy")},
                      {"queued", said("queued")}};
  out["pid"] = machine.pid != 0 ? json::value(machine.pid) : said("pid");
  if (!machine.address.unix_path.empty()) out["address"] = {{"unix", machine.address.unix_path}};
  if (!machine.address.tcp.empty()) out["address"] = {{"tcp", machine.address.tcp}};
  out["generation"] = machine.generation;
  out["current"] = machine.generation == pool.generation();
  out["age_ms"] = age_ms(machine);
  add_what_the_engine_knows(out, machine);
  out["pool"] = pool.settings().name;
  out["backend"] = pool.settings().backend;
  return out;
}

int status(client::Pool& pool, const Options& options) {
  json::array runners;
  for (const client::Machine& machine : pool.list(options.deadline))
    runners.push_back(status_of(pool, machine, options.deadline));
  if (options.json) {
    print(json::serialize(runners) + "\n");
    return 0;
  }
  const bool elsewhere = std::any_of(runners.begin(), runners.end(), [](const json::value& runner) {
    return runner.as_object().contains("region");
  });
  std::vector<std::string> heads = {"NAME", "STATE", "SLOTS", "BUSY", "QUEUED"};
  if (elsewhere) heads.insert(heads.end(), {"REGION", "GUEST"});
  heads.insert(heads.end(), {"PID", "AGE", "GENERATION"});
  Table table(std::move(heads));
  for (const json::value& runner : runners) {
    const auto cell = [&](const char* key) {
      const json::value* const found = runner.as_object().if_contains(key);
      if (found == nullptr || found->is_null()) return std::string("-");
      return found->is_string() ? printable(json::value_to<std::string>(*found)) : json::serialize(*found);
    };
    std::vector<std::string> row = {cell("name"), cell("state"), cell("slots"), cell("busy"), cell("queued")};
    if (elsewhere) row.insert(row.end(), {cell("region"), cell("guest")});
    row.insert(row.end(), {cell("pid"), human_duration(runner.at("age_ms").to_number<std::uint64_t>()),
                           cell("generation") + (runner.at("current").as_bool() ? "" : " (old)")});
    table.add(std::move(row));
  }
  print(table.text());
  return 0;
}

void warm(client::Pool& pool, const Options& options) {
  client::Pool::Watch watch;
  watch.on_note = [](const std::string& note) {
    write_all(STDERR_FILENO, "flame: " + printable(note) + "\n");
  };
  pool.warm(options.size.value_or(std::max<std::uint64_t>(1, pool.settings().min)), options.deadline, watch);
  // What its image offers is known from now on, for the checks before a boot.
  client::record_image(pool, options.deadline);
}

bool is_idle(const json::object& runner) {
  const auto zero = [&](const char* key) { return json::serialize(runner.at(key)) == "0"; };
  return runner.at("state").as_string() == "ready" && zero("busy") && zero("queued");
}

void cool(client::Pool& pool, const Options& options) {
  const auto machines = pool.list(options.deadline);
  std::uint64_t left = machines.size();
  for (const client::Machine& machine : machines) {
    if (left <= pool.settings().min) return;
    if (!is_idle(status_of(pool, machine, options.deadline))) continue;
    pool.stop(machine.name, options.deadline);
    --left;
  }
}

void drain(client::Pool& pool, const Options& options) {
  for (const client::Machine& machine : pool.list(options.deadline))
    if (machine.state == "started") pool.stop(machine.name, options.deadline);
  const auto present = [](const std::vector<client::Machine>& machines) {
    return std::any_of(machines.begin(), machines.end(), [](const client::Machine& one) {
      return one.state == "started" || one.state == "stopping";
    });
  };
  while (present(pool.list(Deadline()))) {
    if (options.deadline.passed())
      throw Error(ErrorKind::timed_out, "the deadline passed and runners still have calls",
                  "they take no more and leave by themselves; 'flame pool destroy' ends them");
    ::usleep(20'000);
  }
}

bool confirmed(const Options& options, std::size_t count) {
  if (options.yes || count == 0 || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return true;
  write_all(STDERR_FILENO, "Destroy " + std::to_string(count) + (count == 1 ? " runner" : " runners") +
                               "? Calls that run have 5 s to finish. [y/N] ");
  char answer[64] = {};
  const ssize_t n = ::read(STDIN_FILENO, answer, sizeof answer);
  return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

void destroy(client::Pool& pool, const Options& options) {
  std::vector<std::string> names;
  for (const client::Machine& machine : pool.list(options.deadline)) names.push_back(machine.name);
  if (!confirmed(options, names.size()))
    throw Error(ErrorKind::usage, "nothing was destroyed", "answer y, or give --yes");
  // Told to all first, so that their grace runs at the same time.
  for (const std::string& name : names) pool.stop(name, options.deadline);
  // Logs of those that are gone go too; they are on this computer.
  if (pool.settings().backend == "local")
    for (const std::string& name : pool.names())
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (const std::string& name : names) pool.destroy(name, options.deadline);
}

void logs(client::Pool& pool, const Options& options) {
  std::vector<std::string> names;
  for (const client::Machine& machine : pool.list(options.deadline)) names.push_back(machine.name);
  if (!options.name.empty()) names = {options.name};
  if (names.empty()) names = {pool.names().front()};  // the log of one that has left may be there
  for (const std::string& name : names) {
    std::string text = printable(pool.logs(name, options.lines.value_or(0), options.deadline), true);
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    print((names.size() > 1 ? "==> " + name + " <==\n" : "") + text);
  }
}

}  // namespace

const CommandSpec kPoolSpec = {"pool",
                               "the runners of a pool",
                               "VERB [OPTIONS] [NAME]",
                               kOptions,
                               kVerbs,
                               "A runner also leaves by itself when it was idle for idle_timeout.",
                               "flame pool warm && flame pool status"};

int pool_command(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.help) return print_help(help_text(kPoolSpec).c_str());
  const client::Config config = client::load_config(options.pool);
  client::Pool pool(config.pool);
  if (options.verb == "status") return status(pool, options);
  if (options.verb == "warm") warm(pool, options);
  if (options.verb == "cool") cool(pool, options);
  if (options.verb == "drain") drain(pool, options);
  if (options.verb == "destroy") destroy(pool, options);
  if (options.verb == "logs") logs(pool, options);
  return 0;
}

}  // namespace flame::cli
