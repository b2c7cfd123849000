#include "client/pool/left_behind.hpp"

#include <cerrno>

#include "base/error.hpp"
#include "base/unix_time.hpp"
#include "client/config/config.hpp"

namespace flame::client {
namespace {

bool nobody_listens(Pool& pool, const Machine& machine) {
  try {
    (void)pool.connect({machine.name, machine.address, machine.generation}, Deadline::in(milliseconds(2000)));
  } catch (const Error& error) {
    // A host that cannot be reached from here tells nothing of the runner on it.
    return error.kind == ErrorKind::unreachable && error.message.ends_with(errno_text(ECONNREFUSED));
  }
  return false;
}

}  // namespace

std::map<std::string, std::string> pool_generations() {
  std::map<std::string, std::string> out;
  for (const std::string& name : pool_names()) out[name] = Pool(load_config(name).pool).generation();
  return out;
}

std::string why_left_behind(Pool& pool, const Machine& machine,
                            const std::map<std::string, std::string>& generations) {
  if (machine.state == "failed") return "the engine says that it failed";
  const auto known = generations.find(machine.pool);
  const bool resting = machine.state == "stopped" || machine.state == "suspended";
  if (resting && machine.generation.empty()) return "the record of a keeper that is gone";
  if (resting && known != generations.end() && machine.generation != known->second)
    return "of other settings: nothing starts it again";
  const bool old_enough = unix_now_ms() > machine.created_at_ms + pool.settings().boot_timeout_ms;
  if (machine.state == "started" && machine.address.known() && old_enough && nobody_listens(pool, machine))
    return "no runner answers on it";
  return {};
}

}  // namespace flame::client
