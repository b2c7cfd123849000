#include "backends/fly/api.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>

#include "backends/fly/pause.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr int kQuickTries = 2;
constexpr std::time_t kWasThereSeconds = 600;
constexpr std::int64_t kNoteEveryMs = 10'000;

// Full jitter: a random part of a pause that doubles, so that many clients do not come back at once.
void pause_before_retry(int tries, std::optional<std::int64_t> asked_ms, Deadline deadline) {
  const std::int64_t most = std::min<std::int64_t>(250LL << std::min(tries, 5), 5000);
  const std::int64_t random = static_cast<unsigned char>(random_bytes(1)[0]);
  pause(milliseconds(asked_ms.value_or(0) + most / 4 + most * 3 / 4 * random / 255), deadline);
}

Error unreachable(const Identity& identity, const std::string& why) {
  return Error(ErrorKind::unreachable, "cannot reach the Machines API at " + identity.api + ": " + why,
               "is the network up? FLY_FLAPS_BASE_URL names another address");
}

}  // namespace

Api::Api(Identity identity, const std::string& runtime_dir)
    : identity_(std::move(identity)),
      answered_path_(runtime_dir + "/fly-answered." + hex(sha256(identity_.api)).substr(0, 16)),
      pacing_(runtime_dir) {}

bool Api::was_there() const {
  struct stat status {};
  if (::stat(answered_path_.c_str(), &status) != 0) return false;
  return std::time(nullptr) - status.st_mtim.tv_sec < kWasThereSeconds;
}

void Api::it_answered() {
  const std::int64_t now_ms =
      std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
  if (now_ms - answered_ms_.exchange(now_ms) < kNoteEveryMs) return;
  const UniqueFd fd(::open(answered_path_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd) ::futimens(fd.get(), nullptr);
}

Answer Api::send_once(const Call& call, Deadline deadline) {
  if (call.machine.empty())
    pacing_.wait_for_app(call.action, identity_.app, deadline);
  else
    pacing_.wait_for_machine(call.action, call.machine, deadline);
  HttpRequest request{call.method,
                      identity_.api + "/v1/apps/" + identity_.app + call.path,
                      call.body,
                      {"Authorization: " + identity_.authorization, "Accept: application/json"}};
  if (!call.nonce.empty()) request.headers.push_back("fly-machine-lease-nonce: " + call.nonce);
  Answer answer = classify(transport_.send(request, deadline));
  it_answered();
  if (answer.meaning == Meaning::rate_limited)
    pacing_.spent(call.action, call.machine.empty() ? identity_.app : call.machine, call.machine.empty());
  return answer;
}

Answer Api::send(const Call& call, Deadline deadline) {
  const bool reads = std::string_view(call.method) == "GET";
  std::optional<Answer> said;  // the latest, which is told when there is no time for another
  for (int tries = 0;; ++tries) {
    std::optional<std::int64_t> asked_ms;
    try {
      said = send_once(call, deadline);
      const bool limited = said->meaning == Meaning::rate_limited;
      if (!limited && !(reads && said->meaning == Meaning::ambiguous)) return *said;
      said->late = true;  // should it be the last
      asked_ms = said->retry_after_ms;
    } catch (const HttpFailure& failure) {
      if (failure.answered) it_answered();
      if (failure.reached && !reads) {
        Answer lost = said.value_or(Answer());  // its words, if there are any
        lost.meaning = Meaning::ambiguous;
        if (!said) lost.text = failure.message;
        return lost;
      }
      // A wrong environment is told within a second; an API that was there is waited for.
      const bool over = deadline.passed() || failure.hopeless || (tries >= kQuickTries && !was_there());
      if (over && said) return *said;
      if (over) {
        const Error away = unreachable(identity_, failure.message);
        throw deadline.passed() && !failure.hopeless ? until_the_deadline(away) : away;
      }
    } catch (const Error&) {  // no time for another
      if (!said) throw;
      return *said;
    }
    if (said && deadline.passed()) return *said;
    pause_before_retry(tries, asked_ms, deadline);
    if (said && deadline.passed()) return *said;
  }
}

Answer Api::on_machine(const char* action, const char* method, const std::string& id, const std::string& rest,
                       std::string body, Deadline deadline, const std::string& nonce) {
  return send({action, method, "/machines/" + id + rest, id, std::move(body), nonce}, deadline);
}

Answer Api::list(const std::string& query, Deadline deadline) {
  json::array all;
  for (std::string cursor;;) {
    std::string path = "/machines?limit=1000";
    if (!query.empty()) path += "&" + query;
    if (!cursor.empty()) path += "&cursor=" + cursor;
    Answer page = send({"list", "GET", path, "", "", ""}, deadline);
    if (page.meaning != Meaning::done) return page;
    if (!page.body.is_array()) {
      page.meaning = Meaning::ambiguous;
      page.text = "a list that is no list";
      return page;
    }
    for (auto& machine : page.body.get_array()) all.push_back(std::move(machine));
    if (page.next_cursor.empty() || page.next_cursor == cursor) {
      page.body = std::move(all);
      return page;
    }
    cursor = page.next_cursor;
  }
}

Answer Api::get(const std::string& id, Deadline deadline) {
  return on_machine("get", "GET", id, "", "", deadline);
}
Answer Api::events(const std::string& id, Deadline deadline) {
  return on_machine("events", "GET", id, "/events", "", deadline);
}
Answer Api::create(const json::value& body, Deadline deadline) {
  return send({"create", "POST", "/machines", "", json::serialize(body), ""}, deadline);
}
Answer Api::addresses(Deadline deadline) {
  return send({"addresses", "GET", "/ip_assignments", "", "", ""}, deadline);
}
Answer Api::start(const std::string& id, Deadline deadline) {
  return on_machine("start", "POST", id, "/start", "", deadline);
}
Answer Api::stop(const std::string& id, Deadline deadline) {
  return on_machine("stop", "POST", id, "/stop", R"({"signal":"SIGTERM"})", deadline);
}
Answer Api::suspend(const std::string& id, Deadline deadline) {
  return on_machine("suspend", "POST", id, "/suspend", "", deadline);
}
Answer Api::destroy(const std::string& id, bool force, Deadline deadline, const std::string& nonce) {
  return on_machine("delete", "DELETE", id, force ? "?force=true" : "", "", deadline, nonce);
}
Answer Api::lease(const std::string& id, std::int64_t ttl_s, const std::string& holder,
                  const std::string& nonce, Deadline deadline) {
  const json::object body = {{"ttl", ttl_s}, {"description", holder}};
  return on_machine("lease", "POST", id, "/lease", json::serialize(body), deadline, nonce);
}

Answer Api::wait(const std::string& id, const std::vector<std::string>& states, std::uint64_t most_seconds,
                 Deadline deadline) {
  const std::uint64_t seconds = std::min(deadline.remaining_ms() / 1000, most_seconds);
  std::string path = "/wait?timeout=" + std::to_string(std::max<std::uint64_t>(seconds, 1));
  for (const auto& state : states) path += "&state=" + state;
  try {
    return on_machine("wait", "GET", id, path, "", deadline);
  } catch (const Error&) {
    if (!deadline.passed()) throw;
    Answer late;  // the deadline came before the API's own second was over
    late.meaning = Meaning::not_yet;
    return late;
  }
}

Answer Api::logs(const std::string& id, Deadline deadline) {
  const HttpRequest request{"GET",
                            identity_.logs_api + "/api/v1/apps/" + identity_.app + "/logs?instance=" + id,
                            "",
                            {"Authorization: " + identity_.authorization, "Accept: application/json"}};
  for (int tries = 0;; ++tries) {
    Answer answer;
    try {
      answer = classify(transport_.send(request, deadline));
    } catch (const HttpFailure& failure) {
      throw Error(ErrorKind::unreachable,
                  "cannot reach the logs API at " + identity_.logs_api + ": " + failure.message,
                  "is the network up? FLY_API_BASE_URL names another address");
    }
    const bool may_pass = answer.meaning == Meaning::rate_limited || answer.meaning == Meaning::ambiguous;
    if (!may_pass || tries == kQuickTries || deadline.passed()) return answer;
    pause_before_retry(tries, answer.retry_after_ms, deadline);
  }
}

}  // namespace flame::backend::fly
