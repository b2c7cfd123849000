#include "client/image/ask_image.hpp"

#include <boost/json.hpp>

#include "base/process.hpp"
#include "client/call.hpp"
#include "client/plugin/plugin_file.hpp"
#include "client/plugin/supply.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::chrono::seconds kPatience{10};  // whose slots are all busy may be asked another time

std::string image_plugin() {
  std::string found =
      find_near_own({"/../libexec/flame/flame-image.so", "/../client/image/flame-image.so"}, R_OK);
  if (found.empty()) throw Error(ErrorKind::config, "cannot find flame-image.so near " + own_directory());
  return found;
}

std::string call_image_facts(Pool& pool, const Runner& runner, Deadline deadline) {
  const PluginFile plugin = read_plugin(image_plugin());
  Supply supply(plugin, {}, true);
  Invocation call;
  call.path = plugin.path;
  call.sha256 = plugin.sha256;
  call.function = "image_facts";
  call.deadline = deadline;
  std::string answer;
  CallEvents events;
  events.on_output = [](std::string_view) {};
  events.on_log = [](std::string_view, std::string_view) {};
  events.on_result = [&answer](std::string_view piece, std::uint8_t) { answer += piece; };
  for (;;) {
    const auto link = pool.connect(runner, deadline);
    try {
      run_call(*link, call, events);
      return json::value_to<std::string>(json::parse(answer));
    } catch (const Error& error) {
      if (!supply.can_mend(error)) throw;
      supply.send(*link, deadline, {});
    }
  }
}

bool is_gone(const Error& error) {
  return error.kind == ErrorKind::lost || error.kind == ErrorKind::unreachable ||
         error.kind == ErrorKind::refused;
}

}  // namespace

ImageFacts facts_of(Pool& pool, const Runner& runner, Deadline deadline) {
  const ImageFacts told = facts_from_hello(pool.connect(runner, deadline)->hello());
  try {
    ImageFacts seen = parse_facts(call_image_facts(pool, runner, deadline));
    seen.source = told.source;
    seen.generation = told.generation;
    seen.abi = told.abi;
    return seen;
  } catch (const Error& error) {
    if (is_gone(error)) throw;
    return told;  // an older libc, or a strict sandbox, which does not open the root
  } catch (const std::exception&) {
    return told;
  }
}

void record_image(Pool& pool, Deadline deadline) noexcept {
  const PoolSettings& settings = pool.settings();
  if (settings.backend == "local") return;
  try {
    const auto known = recorded_facts(settings.name);
    if (known && known->complete && (known->generation.empty() || known->generation == pool.generation()))
      return;
    for (const Runner& runner : pool.known()) {
      if (runner.generation != pool.generation()) continue;
      ImageFacts facts = facts_of(pool, runner, deadline.earlier(Deadline::in(kPatience)));
      facts.source = "the image of the pool " + settings.name;
      record_facts(settings.name, facts);
      return;
    }
  } catch (...) {
    // The runner itself refuses what it cannot load.
  }
}

}  // namespace flame::client
