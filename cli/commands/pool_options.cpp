#include "cli/commands/pool_options.hpp"

#include <charconv>
#include <cstring>
#include <vector>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "client/config/config.hpp"
#include "client/pool/guest.hpp"

namespace flame::cli {
namespace {

enum Id {
  pool_name,
  guest,
  size,
  spares,
  listen,
  started,
  stopped,
  suspended,
  generation,
  wait,
  lines,
  dry_run,
  timeout,
  as_json,
  once,
  yes,
  help
};

constexpr VerbSpec kVerbs[] = {
    {"status", "name, state, slots and calls of each runner"},
    {"warm", "start runners before they are needed: min, or --size"},
    {"cool", "end runners that have nothing to do, but min of them"},
    {"drain", "no new calls; runners leave when theirs are done"},
    {"destroy", "end all runners; calls that run have 5 s to finish"},
    {"gc", "destroy machines that were left behind, in any pool"},
    {"top", "a live view of runners and their calls; q leaves"},
    {"keep", "go on keeping min runners and spares, until a signal"},
    {"logs", "the log of each runner, or of the named one"},
};

constexpr OptionSpec kOptions[] = {
    {pool_name, "pool", 0, "NAME", "the pool; its settings stand in flame.toml", kWithNext},
    {guest, "guest", 0, "SIZE", "its runners of this guest", kWithNext},
    {listen, "listen", 0, "ADDRESS", "keep: /metrics and /healthz at a port, or unix:PATH",
     "which; keep: monitors' port"},
    {size, "size", 0, "N", "warm: how many runners", kWithNext},
    {spares, "spares", 0, "N", "keep: so many more than those that work",
     "warm: how many; keep: more than those that work"},
    {started, "started", 0, nullptr, "warm: ready for calls (the default)", kWithNext},
    {stopped, "stopped", 0, nullptr, "warm: tried, then stopped: only its disk costs", kWithNext},
    {suspended, "suspended", 0, nullptr, "warm: tried, then suspended with its memory",
     "warm: ready, or tried and laid to rest"},
    {generation, "generation", 0, "OLD", "drain: only this one, or 'old': all but the current one",
     kWithNext},
    {wait, "wait", 0, nullptr, "drain: return when they are gone",
     "drain: of these, or 'old'; till they are gone"},
    {lines, "lines", 'n', "N", "logs: so many lines from the end"},
    {dry_run, "dry-run", 0, nullptr, "print what would be asked, and the price an hour", kWithNext},
    {timeout, "timeout", 0, "DURATION", "give up after this: 250ms, 30s, 5m",
     "only tell the plan and its price; give up after"},
    {as_json, "json", 0, nullptr, "status, gc, top: for machines", kWithNext},
    {once, "once", 0, nullptr, "top: one look", kWithNext},
    {yes, "yes", 'y', nullptr, "destroy, gc: do not ask", "for machines; top: one look; do not ask"},
    {help, "help", 'h', nullptr, "this text"},
};

std::uint64_t number_from(const char* option, const char* text, std::uint64_t least = 1) {
  std::uint64_t value = 0;
  const char* const last = text + std::strlen(text);
  const auto [end, error] = std::from_chars(text, last, value);
  if (error != std::errc() || end != last || value < least)
    throw usage_error(kPoolSpec, std::string(option) + " wants a number from " + std::to_string(least) +
                                     ", got '" + text + "'");
  return value;
}

Deadline deadline_from(const char* text) {
  const auto ms = parse_duration_ms(text);
  if (!ms)
    throw usage_error(kPoolSpec, std::string("--timeout wants a duration such as 30s, got '") + text + "'");
  return Deadline::from_remaining_ms(*ms);
}

void keep(PoolOptions& out, const char* state) {
  if (!out.keep.empty() && out.keep != state)
    throw usage_error(kPoolSpec, "--" + out.keep + " and --" + state + " are two wishes");
  out.keep = state;
}

void apply(PoolOptions& out, int id, const char* value) {
  switch (static_cast<Id>(id)) {
    case pool_name:
      out.pool = value;
      return;
    case guest:
      out.guest = value;
      return;
    case size:
      out.size = number_from("--size", value);
      return;
    case spares:
      out.spares = number_from("--spares", value, 0);
      return;
    case listen:
      out.listen = value;
      return;
    case started:
      return keep(out, "started");
    case stopped:
      return keep(out, "stopped");
    case suspended:
      return keep(out, "suspended");
    case generation:
      out.generation = value;
      return;
    case wait:
      out.wait = true;
      return;
    case lines:
      out.lines = number_from("--lines", value);
      return;
    case dry_run:
      out.dry_run = true;
      return;
    case timeout:
      out.deadline = deadline_from(value);
      return;
    case once:
      out.once = true;
      return;
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

void check_verb(const PoolOptions& options) {
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

void check_together(const PoolOptions& options) {
  const auto only_for = [&](bool given, const std::string& option, std::string_view verbs) {
    // verbs: "status, gc"
    const std::size_t at = verbs.find(options.verb);
    const bool among = at != verbs.npos && (at == 0 || verbs[at - 1] == ' ') &&
                       (at + options.verb.size() == verbs.size() || verbs[at + options.verb.size()] == ',');
    if (given && !among) throw usage_error(kPoolSpec, option + " is for '" + std::string(verbs) + "'");
  };
  only_for(!options.guest.empty(), "--guest", "status, warm, cool, drain, destroy, top, keep, logs");
  only_for(options.json, "--json", "status, gc, top");
  only_for(options.once, "--once", "top");
  only_for(options.size.has_value(), "--size", "warm");
  only_for(options.spares.has_value(), "--spares", "keep");
  only_for(!options.listen.empty(), "--listen", "keep");
  only_for(!options.keep.empty(), "--" + options.keep, "warm");
  only_for(options.generation.has_value(), "--generation", "drain");
  only_for(options.wait, "--wait", "drain");
  only_for(options.lines.has_value(), "--lines", "logs");
  only_for(options.yes, "--yes", "destroy, gc");
  only_for(options.dry_run, "--dry-run", "warm, cool, drain, destroy, gc");
}

}  // namespace

PoolOptions parse_pool_options(int argc, char** argv) {
  PoolOptions out;
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
  out.help = out.help || argc < 2;
  if (out.help) return out;
  check_verb(out);
  check_together(out);
  return out;
}

client::PoolSettings pool_settings(const PoolOptions& options) {
  return client::pool_for_guest(client::load_config(options.pool).pool, options.guest, "");
}

const CommandSpec kPoolSpec = {"pool",
                               "the runners of a pool",
                               "VERB [OPTIONS] [NAME]",
                               kOptions,
                               kVerbs,
                               "",
                               "flame pool warm && flame pool status"};

}  // namespace flame::cli
