#include "cli/commands/run_detached.hpp"

#include "cli/ui/report.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_records.hpp"
#include "client/calls/held.hpp"

namespace flame::cli {
namespace {

constexpr milliseconds kAskPatience{10'000};

void check_capability(const client::Link& link) {
  if (link.hello().find("\"detach\"") == std::string::npos)
    throw Error(ErrorKind::protocol, "the runner is of a flame that knows no detached calls",
                "boot one of this version: flame pool drain, then run it again");
}

// The link was lost before the runner's answer: whether the call had come. What could still come of it is
// refused from now on.
bool has_come(const client::CallRecord& record, Deadline deadline) {
  deadline = deadline.earlier(Deadline::in(kAskPatience));
  const auto link = client::reach(record, deadline);
  const auto state = client::ask_held(*link, record.id, deadline, client::IfUnknown::refuse);
  if (!state.known())
    throw Error(ErrorKind::unreachable, "the link was lost before the call had come to the runner")
        .at_phase("send");
  return state.whole;
}

void send_call(const client::CallRecord& record, client::Link& link, const client::Invocation& call,
               const client::CallEvents& events) {
  try {
    client::run_call(link, call, events);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::lost || !has_come(record, call.deadline)) throw;
  }
}

}  // namespace

// The record is first: should this process be killed, the call can be found all the same.
std::uint64_t detach_call(const client::Pool& pool, client::Link& link, const client::Invocation& call,
                          const client::CallEvents& events) {
  check_capability(link);
  const client::CallRecords records;
  const client::CallRecord record = client::record_of(pool, link, call.path, call.function);
  records.write(record);
  client::Invocation detached = call;
  detached.detached_id = record.id;
  detached.phases = true;  // so that its times are kept with it
  try {
    send_call(record, link, detached, events);
  } catch (const Error&) {
    records.drop(record.id);
    throw;
  }
  print(client::call_id_text(record.id) + "\n");
  records.prune();
  return record.id;
}

}  // namespace flame::cli
