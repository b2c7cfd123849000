// The emulator's own questions and switches, without a token: it listens on loopback only.
#include <charconv>

#include "api.hpp"
#include "bill.hpp"
#include "lifecycle.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;

void journal(Exchange& x) { x.reply(200, json::object{{"requests", x.world.journal.show()}}); }
void bill(Exchange& x) { x.reply(200, fly::bill(x.world)); }

void machines(Exchange& x) {
  json::array out;
  for (const auto& [id, machine] : x.world.machines) {
    json::array pids;
    if (machine->process)
      for (const auto& process : machine->process->list()) pids.push_back(process.at("pid"));
    out.push_back(json::object{{"id", id},
                               {"name", machine->name},
                               {"app", machine->app},
                               {"state", state_name(machine->state())},
                               {"address", machine->address},
                               {"pid", machine->process ? machine->process->pid() : 0},
                               {"pids", std::move(pids)},
                               {"clock_behind_ms", machine->clock_behind_ms},
                               {"host_gone", machine->host_gone}});
  }
  x.reply(200, json::object{{"machines", std::move(out)}});
}

void faults(Exchange& x) { x.reply(200, json::object{{"faults", x.world.faults.show()}}); }

void add_fault(Exchange& x) {
  const std::uint64_t id = x.world.faults.add(json::value(x.body_object()));
  x.reply(201, json::object{{"id", id}});
}

void clear_faults(Exchange& x) {
  x.world.faults.clear();
  x.reply_empty(204);
}

void delete_fault(Exchange& x) {
  const std::string& key = x.parameters["key"];
  std::uint64_t id = 0;
  std::from_chars(key.data(), key.data() + key.size(), id);
  if (!x.world.faults.remove(id)) throw api_error(404, "fault not found");
  x.reply_empty(204);
}

void settings(Exchange& x) { x.reply(200, x.world.settings.show()); }

void set_settings(Exchange& x) {
  Settings changed = x.world.settings;
  for (const auto& [name, value] : x.body_object()) changed.set(name, value);
  x.world.settings = changed;
  settings(x);
}

void tokens(Exchange& x) {
  json::array out;
  for (const Token& token : x.world.tokens.all())
    out.push_back(json::object{{"id", token.id},
                               {"kind", token_kind_name(token.kind)},
                               {"org", token.org},
                               {"app", token.app},
                               {"fingerprint", token.fingerprint()},
                               {"expired", token.expires_at_ms != 0 && token.expires_at_ms <= unix_ms()}});
  x.reply(200, json::object{{"tokens", std::move(out)}});
}

void add_token(Exchange& x) {
  const json::object body = x.body_object();
  Token token;
  const auto kind = token_kind_from_name(text(body, "kind", "org"));
  if (!kind) throw bad_request("kind is one of org deploy readonly exec");
  token.kind = *kind;
  token.id = x.world.random.ulid(unix_ms());
  token.org = text(body, "org", x.world.options.org);
  token.app = text(body, "app");
  token.value = text(body, "value", "fm2_" + x.world.random.hex_digits(32));
  if (flag(body, "expired")) token.expires_at_ms = 1;
  x.world.tokens.add(token);
  x.reply(201, json::object{{"id", token.id}, {"token", token.value}});
}

}  // namespace flame::fly::api
