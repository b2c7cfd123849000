#include <csignal>

#include "api.hpp"
#include "lifecycle.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

const json::object kOk{{"ok", true}};

StopRule stop_rule(const Exchange& x, const json::object& asked) {
  StopRule rule = stop_of(x.machine->config());
  if (const auto* signal = asked.if_contains("signal"); signal != nullptr && !signal->is_null()) {
    rule.signal = signal_number(*signal);
    if (rule.signal == 0) throw bad_request("invalid signal " + json::serialize(*signal));
  }
  if (const auto* timeout = asked.if_contains("timeout"); timeout != nullptr && !timeout->is_null())
    rule.timeout_ms = duration_ms(*timeout, "timeout");
  return rule;
}

std::string move(const Exchange& x, State before) {
  return "machine " + x.machine->id + " " + std::string(state_name(before)) + " → " +
         std::string(state_name(x.machine->state()));
}

void done(Exchange& x, State before) {
  if (before != x.machine->state()) x.changed(move(x, before));
  x.reply(200, kOk);
}

}  // namespace

void start(Exchange& x) {
  x.check_lease();
  const State before = start_machine(x.world, *x.machine);
  json::object out{{"previous_state", state_name(before)}, {"migrated", false}, {"new_host", ""}};
  if (before == State::started) {
    out["status"] = "error";
    out["message"] = "machine already started";
  } else {
    x.changed(move(x, before));
  }
  x.reply(200, out);
}

void stop(Exchange& x) {
  const StopRule rule = stop_rule(x, x.body_object());
  x.check_lease();
  const State before = x.machine->state();
  stop_machine(x.world, *x.machine, rule.signal, rule.timeout_ms);
  done(x, before);
}

void suspend(Exchange& x) {
  x.check_lease();
  const State before = x.machine->state();
  suspend_machine(x.world, *x.machine);
  done(x, before);
}

void restart(Exchange& x) {
  json::object asked;
  if (const auto signal = x.request.parameter("signal")) asked["signal"] = *signal;
  if (const auto timeout = x.request.parameter("timeout"))
    asked["timeout"] =
        timeout->find_first_not_of("0123456789") == std::string::npos ? *timeout + "s" : *timeout;
  StopRule rule = stop_rule(x, asked);
  if (x.request.has_flag("force_stop")) rule.signal = SIGKILL;
  x.check_lease();
  const State before = x.machine->state();
  restart_machine(x.world, *x.machine, rule.signal, rule.timeout_ms);
  done(x, before);
}

void signal(Exchange& x) {
  const json::object body = x.body_object();
  const auto* wanted = body.if_contains("signal");
  const int number = wanted == nullptr ? 0 : signal_number(*wanted);
  if (number == 0) throw bad_request("invalid signal");
  x.check_lease();
  signal_machine(x.world, *x.machine, number);
  x.changed("machine " + x.machine->id + " got " + signal_name(number));
  x.reply(200, kOk);
}

void cordon(Exchange& x) {
  x.check_lease();
  if (!x.machine->cordoned) x.changed("machine " + x.machine->id + " cordoned");
  x.machine->cordoned = true;
  x.reply(200, kOk);
}

void uncordon(Exchange& x) {
  x.check_lease();
  if (x.machine->cordoned) x.changed("machine " + x.machine->id + " uncordoned");
  x.machine->cordoned = false;
  x.reply(200, kOk);
}

}  // namespace flame::fly::api
