// flame wait ID, flame result ID: the end of a detached call, as flame run would have told it.
#include <unistd.h>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/call_printer.hpp"
#include "cli/ui/phase_times.hpp"
#include "cli/ui/report.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_log.hpp"
#include "client/calls/call_records.hpp"
#include "client/calls/held.hpp"
#include "client/crash/explain.hpp"

namespace flame::cli {
namespace {

enum Id { timeout, forget, raw, quiet, verbose, json_errors, cause_fd, help };

constexpr OptionSpec kWaitOptions[] = {
    {timeout, "timeout", 0, "DURATION", "wait no longer; the call goes on"},
    {forget, "forget", 0, nullptr, "the runner need not keep the result any longer"},
    {raw, "raw", 0, nullptr, "print a string result without its quotes"},
    {quiet, "quiet", 'q', nullptr, "no logs of the function"},
    {verbose, "verbose", 'v', nullptr, "tell the call's times"},
    {json_errors, "json-errors", 0, nullptr, "errors as JSON on stderr"},
    {cause_fd, "cause-fd", 0, "N", "write why the call ended badly to descriptor N"},
    {help, "help", 'h', nullptr, "this text"},
};
constexpr milliseconds kReachPatience{10'000};  // where there is nothing to wait for
constexpr std::span kResultOptions = std::span(kWaitOptions).subspan(1);

struct WaitOptions {
  std::string id;
  Deadline deadline;
  client::Keep keep = client::Keep::until_its_time;
  bool raw = false, quiet = false, verbose = false, help = false;
};

void apply(const CommandSpec& spec, WaitOptions& out, int option, const char* value) {
  switch (static_cast<Id>(option)) {
    case timeout:
      out.deadline = deadline_option(spec, "--timeout", value);
      return;
    case forget:
      out.keep = client::Keep::no_more;
      return;
    case raw:
      out.raw = true;
      return;
    case quiet:
      out.quiet = true;
      return;
    case verbose:
      out.verbose = true;
      return;
    case json_errors:
      error_style().json = true;
      return;
    case cause_fd:
      error_style().cause_fd = descriptor_option(spec, "--cause-fd", value);
      return;
    case help:
      out.help = true;
  }
}

WaitOptions parse(const CommandSpec& spec, int argc, char** argv) {
  WaitOptions out;
  OptionReader reader(spec, argc, argv);
  for (const char* word = ""; word != nullptr; word = reader.operand()) {
    if (*word != '\0' && !out.id.empty()) throw usage_error(spec, "wants one call id");
    out.id += word;
    while (const OptionSpec* option = reader.next()) apply(spec, out, option->id, reader.value());
  }
  if (out.id.empty() && !out.help) throw usage_error(spec, "wants the id of a call");
  return out;
}

// What `flame calls` says of it when its runner has gone.
void remember(client::CallRecord& record, std::string_view outcome) {
  record.outcome = outcome;
  try {
    client::CallRecords().write(record);
  } catch (const Error&) {  // the result counts more
  }
}

// For flame explain, once.
void log_end(const client::CallRecord& record, client::LoggedCall row, const std::optional<Error>& error) {
  row.id = record.id;
  row.begun_at_ms = record.begun_at_ms;
  row.detached = true;
  row.plugin = record.plugin;
  row.function = record.function;
  row.pool = record.pool;
  row.runner = record.runner;
  if (error) row.error = error->kind;
  client::log_call(row);
}

Error not_over(const client::HeldState& state, const std::string& id) {
  Error error(ErrorKind::timed_out,
              state.state == "running" ? "the call still runs" : "the call still waits for a slot",
              "flame wait " + id + " waits for it; flame cancel " + id + " ends it");
  return error.with_fate(Fate::unknown).at_phase(state.state == "running" ? "run" : "queue");
}

Error not_known(const client::CallRecord& record) {
  return Error(ErrorKind::lost, "the runner " + record.runner + " does not know the call any more",
               "the end of a call is kept for a time only, and not by a runner that was started again")
      .with_fate(Fate::unknown);
}

std::optional<Error> print_end(client::Link& link, const client::CallRecord& record,
                               const WaitOptions& options, client::LoggedCall& row) {
  ResultPrinter results(options.raw);
  client::CallEvents events;
  events.on_output = [](std::string_view bytes) { print(bytes); };
  events.on_result = [&](std::string_view piece, std::uint8_t flags) { results.take(piece, flags); };
  events.on_log = [&](std::string_view level, std::string_view text) {
    if (!options.quiet) print_log(level, text);
  };
  events.on_usage = [&](const client::CallUsage& usage) {
    fill_usage(usage, row);
    if (options.verbose) write_all(STDERR_FILENO, usage_lines(usage));
  };
  return client::fetch_held(link, record.id, events);
}

int tell_end(client::CallRecord record, const WaitOptions& options, Deadline to_reach) {
  const std::string id = client::call_id_text(record.id);
  const auto link = client::reach(record, to_reach);
  const client::HeldState state = client::await_held(*link, record.id, options.deadline);
  if (!state.known()) throw not_known(record);
  if (!state.over()) throw not_over(state, id);
  // An end that cannot be read or printed whole stays where it is.
  client::LoggedCall row;
  std::optional<Error> error = print_end(*link, record, options, row);
  if (!error) finish_output();
  if (record.outcome.empty()) log_end(record, row, error);
  remember(record, state.outcome);
  client::release_held(*link, record.id, options.keep);
  if (!error) return 0;
  client::explain_crash(*error, record.plugin);
  throw Error(*error);
}

int run(const CommandSpec& spec, int argc, char** argv, bool at_once) {
  WaitOptions options = parse(spec, argc, argv);
  if (options.help) return print_help(help_text(spec).c_str());
  const Deadline to_reach = at_once ? Deadline::in(kReachPatience) : options.deadline;
  if (at_once) options.deadline = Deadline::in(milliseconds(0));
  return tell_end(client::CallRecords().find(options.id), options, to_reach);
}

}  // namespace

const CommandSpec kWaitSpec = {"wait",
                               "wait for a detached call, and tell its end as run does",
                               "[OPTIONS] ID",
                               kWaitOptions,
                               {},
                               "ID may be cut short. Exit status: the call's, as of flame run; 124: not yet.",
                               "flame wait $(flame run --detach math.so add 100 20)"};
const CommandSpec kResultSpec = {
    "result",
    "the end of a detached call if it is there, as run tells it",
    "[OPTIONS] ID",
    kResultOptions,
    {},
    "ID may be cut short. Exit status: the call's, as of flame run; 124: not yet.",
    "flame result 4k7d"};

int wait_command(int argc, char** argv) { return run(kWaitSpec, argc, argv, false); }
int result_command(int argc, char** argv) { return run(kResultSpec, argc, argv, true); }

}  // namespace flame::cli
