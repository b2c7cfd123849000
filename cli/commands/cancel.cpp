// flame cancel ID: ends a detached call.
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_records.hpp"
#include "client/calls/held.hpp"

namespace flame::cli {
namespace {

enum Id { help };
constexpr OptionSpec kOptions[] = {{help, "help", 'h', nullptr, "this text"}};
constexpr milliseconds kPatience{30'000};  // a function has half a second to heed it

int cancel(client::CallRecord record) {
  const Deadline deadline = Deadline::in(kPatience);
  const auto link = client::reach(record, deadline);
  client::HeldState state = client::ask_held(*link, record.id, deadline);
  if (!state.known())
    throw Error(ErrorKind::lost, "the runner " + record.runner + " does not know the call any more")
        .with_fate(Fate::unknown);
  const std::string id = client::call_id_text(record.id);
  const Error too_late(ErrorKind::usage, "the call is over already", "flame result " + id + " tells its end");
  if (state.over()) throw too_late;
  client::cancel_held(*link, record.id);
  state = client::await_held(*link, record.id, deadline);
  if (!state.over())
    throw Error(ErrorKind::timed_out, "the call was told to end and still runs").with_fate(Fate::unknown);
  if (state.outcome != error_kind_name(ErrorKind::cancelled)) throw too_late;
  // Nobody needs to fetch what was given up: its runner need not stay for it.
  client::release_held(*link, record.id, client::Keep::until_its_time);
  record.outcome = state.outcome;
  client::CallRecords().write(record);
  return 0;
}

}  // namespace

const CommandSpec kCancelSpec = {"cancel",
                                 "end a detached call",
                                 "ID",
                                 kOptions,
                                 {},
                                 "Exit status: 0 it is cancelled; 125 it was over, or is not known.",
                                 "flame cancel 4k7d"};

int cancel_command(int argc, char** argv) {
  OptionReader reader(kCancelSpec, argc, argv);
  if (reader.next() != nullptr) return print_help(help_text(kCancelSpec).c_str());
  const char* word = reader.operand();
  if (word == nullptr || reader.next() != nullptr || reader.operand() != nullptr)
    throw usage_error(kCancelSpec, "wants the id of a call");
  return cancel(client::CallRecords().find(word));
}

}  // namespace flame::cli
