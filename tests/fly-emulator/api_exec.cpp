// POST …/exec (fact sheet §2.4).
#include <sstream>

#include "api.hpp"
#include "base/text.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

constexpr std::size_t kArgvLimitBytes = 20'000;  // between what ran and what was dropped
constexpr std::int64_t kLongestMs = 60'000;

std::vector<std::string> command_words(const json::object& body) {
  std::vector<std::string> out;
  if (const auto* list = body.if_contains("command"); list != nullptr && !list->is_null()) {
    if (!list->is_array()) throw wrong_type("string", "[]string");
    for (const auto& word : list->get_array()) {
      if (!word.is_string()) throw wrong_type("number", "string");
      out.emplace_back(word.get_string());
    }
  } else {
    std::istringstream words(text(body, "cmd"));  // split at white space, as no shell is there
    for (std::string word; words >> word;) out.push_back(word);
  }
  if (out.empty()) throw bad_request("invalid_argument: command is required");
  return out;
}

std::int64_t timeout_ms(const Exchange& x, const json::object& body) {
  const auto* timeout = body.if_contains("timeout");
  if (timeout == nullptr || timeout->is_null()) return x.world.settings.exec_default_ms;
  if (!timeout->is_int64()) throw wrong_type("string", "int");
  const std::int64_t ms = timeout->get_int64() * 1000;
  if (ms > kLongestMs) throw bad_request("timeout must not exceed 60 seconds");
  return ms <= 0 ? x.world.settings.exec_default_ms : ms;
}

// JSON strings are not binary-safe: what is not UTF-8 is lost, as there.
std::string readable(const std::string& bytes) {
  std::string out;
  std::string_view rest = bytes;
  while (const auto bad = first_invalid_utf8(rest)) {
    out += rest.substr(0, *bad);
    out += "\xEF\xBF\xBD";
    rest.remove_prefix(*bad + 1);
  }
  return out + std::string(rest);
}

void answer(Exchange& x, ExecResult result) {
  if (result.lost) return x.fail(precondition("machine not running: exec request failed: EOF"));
  if (result.expired)
    return x.fail(api_error(408,
                            "deadline_exceeded: Post \"http://unix/v1/exec\": context deadline exceeded "
                            "(Client.Timeout exceeded while awaiting headers)"));
  if (const Fault* cut = x.strike("exec_cut"); cut != nullptr)
    result.out.resize(std::min(result.out.size(), static_cast<std::size_t>(cut->bytes)));
  json::object out{
      {"stdout", readable(result.out)}, {"stderr", readable(result.err)}, {"exit_code", result.code}};
  if (result.signal != 0) out["exit_signal"] = result.signal;
  x.reply(200, out);
}

// What the way to the machine's init takes.
void answer_later(const ExchangePtr& x, ExecResult result) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(
      x->world.loop, std::chrono::milliseconds(x->world.delay(x->world.settings.exec)));
  timer->async_wait([x, timer, result = std::move(result)](boost::system::error_code failed) mutable {
    if (!failed) answer(*x, std::move(result));
  });
}

std::size_t bytes_of(const std::vector<std::string>& words) {
  std::size_t bytes = 0;
  for (const auto& word : words) bytes += word.size() + 1;
  return bytes;
}

}  // namespace

void exec(Exchange& x) {
  const json::object body = x.body_object();
  auto command = command_words(body);
  const std::int64_t timeout = timeout_ms(x, body);
  if (x.machine->state() != State::started || !x.machine->process) throw precondition("machine not running");
  if (x.world.settings.argv_trap == 1 && bytes_of(command) > kArgvLimitBytes)
    return x.reply(200, json::object{{"stdout", "Rejection([PayloadTooLarge, MethodNotAllowed])"},
                                     {"stderr", ""},
                                     {"exit_code", 0}});
  const std::string input = x.world.settings.exec_stdin == 1 ? text(body, "stdin") : "";
  x.changed("machine " + x.machine->id + " ran " + command.front());
  x.machine->process->exec(
      std::move(command), input, timeout,
      [self = x.shared_from_this()](ExecResult result) { answer_later(self, std::move(result)); });
}

}  // namespace flame::fly::api
