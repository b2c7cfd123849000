// From a record to a link: as the runner was last reached, else as the engine says.
#include "base/error.hpp"
#include "client/calls/call_records.hpp"
#include "client/config/config.hpp"
#include "client/pool/runtime_dir.hpp"
#include "wire/held_path.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kPatience{5000};  // for one hello

Error gone(const CallRecord& record) {
  if (!record.outcome.empty())
    return Error(ErrorKind::lost,
                 "the runner " + record.runner + " has left since the end of the call was fetched (" +
                     record.outcome + ")",
                 "a result is there as long as its runner is");
  return Error(ErrorKind::lost,
               "the runner " + record.runner + " is gone, and what it held of the call with it",
               "the function may have run: run it again only if that does no harm")
      .with_fate(Fate::unknown);
}

// Of its own path, and of the one where a runner that drains goes on to listen.
std::vector<Address> addresses_of(const CallRecord& record) {
  std::vector<Address> out;
  if (record.backend == "local") {
    out.resize(1);
    out[0].unix_path = record.unix_path;
  } else if (const auto hint = Hints(runtime_dir() + "/hints/" + record.place).find(record.runner)) {
    out.push_back(hint->address);
  }
  if (out.empty() || out[0].unix_path.empty()) return out;
  out.push_back(out[0]);
  out[1].unix_path = wire::held_socket_path(out[0].unix_path);
  return out;
}

// Nullptr: nobody is there.
std::unique_ptr<Link> try_address(const Address& address, Deadline deadline) {
  try {
    return std::make_unique<Link>(address, deadline.earlier(Deadline::in(kPatience)));
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unreachable && error.kind != ErrorKind::refused &&
        error.kind != ErrorKind::timed_out)
      throw;
    return nullptr;
  }
}

std::unique_ptr<Link> ask_engine(const CallRecord& record, Deadline deadline) {
  Pool pool(load_config(record.pool).pool);
  if (pool.settings().backend != record.backend || pool.place() != record.place)
    throw Error(ErrorKind::config,
                "the call is in the pool " + record.pool + " of the backend " + record.backend +
                    ", which the settings here do not name",
                "try it where you made the call, with the same flame.toml and environment");
  for (const Machine& machine : pool.list(deadline)) {
    if (machine.name != record.runner || !machine.address.known()) continue;
    return pool.connect({machine.name, machine.address, machine.generation},
                        deadline.earlier(Deadline::in(kPatience)));
  }
  throw gone(record);
}

}  // namespace

std::unique_ptr<Link> reach(const CallRecord& record, Deadline deadline) {
  for (const Address& address : addresses_of(record))
    if (auto link = try_address(address, deadline)) return link;
  if (deadline.passed())
    throw Error(ErrorKind::timed_out, "the deadline passed before the runner " + record.runner + " answered")
        .with_fate(Fate::unknown);
  if (record.backend == "local") throw gone(record);
  return ask_engine(record, deadline);
}

}  // namespace flame::client
