#include "backends/kit/serve.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/plain_why.hpp"
#include "base/text.hpp"

namespace flame::backend {
namespace {

namespace json = boost::json;
constexpr std::size_t kLineMaxBytes = 1024 * 1024;

Error broken(std::string_view key) {
  return Error(ErrorKind::protocol, "the request's '" + std::string(key) + "' is missing or of another type");
}

// Empty when it is not there: most verbs need few of them.
std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (!value->is_string()) throw broken(key);
  return json::value_to<std::string>(*value);
}

std::uint64_t number_of(const json::object& object, const char* key, std::uint64_t otherwise) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return otherwise;
  boost::system::error_code why;
  const auto number = value->to_number<std::uint64_t>(why);
  if (why) throw broken(key);
  return number;
}

bool flag_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  if (value != nullptr && !value->is_bool()) throw broken(key);
  return value != nullptr && value->get_bool();
}

Request read_request(const json::object& object) {
  Request out;
  out.verb = text_of(object, "verb");
  out.pool = text_of(object, "pool");
  out.name = text_of(object, "name");
  // It becomes part of file names and of machine names.
  if (out.name.find('/') != std::string::npos || out.name.starts_with(".")) throw broken("name");
  out.generation = text_of(object, "generation");
  out.guest = text_of(object, "guest");
  out.runtime_dir = text_of(object, "runtime_dir");
  if (const auto* settings = object.if_contains("settings")) {
    if (!settings->is_object()) throw broken("settings");
    out.settings = settings->get_object();
  }
  out.lines = number_of(object, "lines", 0);
  out.lease = text_of(object, "lease");
  out.holder = text_of(object, "holder");
  out.ttl_ms = number_of(object, "ttl_ms", 0);
  out.all = flag_of(object, "all");
  out.was_ready = flag_of(object, "was_ready");
  out.had_address = text_of(object, "had_address");
  out.dry_run = flag_of(object, "dry_run");
  out.deadline = Deadline::from_remaining_ms(number_of(object, "remaining_ms", kUnlimitedMs));
  return out;
}

json::object error_object(const Error& error) {
  json::object out = {{"code", error.type.empty() ? error_kind_name(error.kind) : error.type},
                      {"message", error.message},
                      {"hint", error.hint}};
  if (error.retry_after_ms) out["retry_after_ms"] = *error.retry_after_ms;
  return out;
}

json::object call(const std::string& backend, const std::vector<Verb>& verbs, const Request& request) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) {
    if (verb.name == request.verb) return verb.answer(request);
    names.emplace_back(verb.name);
  }
  const auto near = nearest(request.verb, names);
  throw Error(ErrorKind::usage, "the backend '" + backend + "' does not know the verb '" + request.verb + "'",
              near ? "did you mean '" + *near + "'?" : "");
}

}  // namespace

json::object answer_line(const std::string& backend, const std::vector<Verb>& verbs, std::string_view line) {
  json::object reply;
  try {
    const json::value value = json::parse(json::string_view(line.data(), line.size()));
    if (!value.is_object()) throw Error(ErrorKind::protocol, "a request is a JSON object on one line");
    if (const auto* id = value.get_object().if_contains("id")) reply["id"] = *id;
    Request request = read_request(value.get_object());
    if (const auto* id = reply.if_contains("id")) request.id = *id;
    reply["ok"] = call(backend, verbs, request);
  } catch (const NameTaken& taken) {
    reply["error"] = {{"code", "name_taken"}, {"message", taken.message}, {"hint", ""}};
  } catch (const Error& error) {
    reply["error"] = error_object(error);
  } catch (const std::exception& error) {
    reply["error"] = error_object(Error(ErrorKind::protocol, "the request: " + plain_why(error)));
  }
  return reply;
}

std::string Request::text_setting(std::string_view key) const {
  const auto* value = settings.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) throw broken(key);
  return json::value_to<std::string>(*value);
}

std::uint64_t Request::number_setting(std::string_view key) const {
  const auto* value = settings.if_contains(json::string_view(key.data(), key.size()));
  boost::system::error_code why;
  const auto number = value == nullptr ? 0 : value->to_number<std::uint64_t>(why);
  if (value == nullptr || why) throw broken(key);
  return number;
}

namespace {

// Lines of several threads must not mix.
bool write_line(const json::object& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return write_all(STDOUT_FILENO, json::serialize(line) + "\n");
}

constexpr std::chrono::milliseconds kLook{100}, kAlone{1000};

bool nobody_reads() {
  pollfd output = {STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, 0) > 0 && (output.revents & (POLLHUP | POLLERR)) != 0;
}

// The threads that answer; serve() leaves when all have.
class Answering {
 public:
  ~Answering() {
    std::unique_lock lock(mutex_);
    std::chrono::milliseconds alone{0};
    while (!ended_.wait_for(lock, kLook, [this] { return running_ == 0; })) {
      // Nobody is left to hear the answers: a client that was killed must not leave a boot going on.
      alone = nobody_reads() ? alone + kLook : std::chrono::milliseconds(0);
      if (alone >= kAlone) ::_exit(1);
    }
  }
  template <class Body>
  void start(Body body) {
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    std::thread([this, body = std::move(body)] {
      body();
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) ended_.notify_all();
    }).detach();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

}  // namespace

int serve(const std::string& backend, const std::vector<Verb>& verbs, Concurrency concurrency) {
  std::string pending;
  std::array<char, 16 * 1024> buffer;
  Answering answering;
  for (bool open = true; open;) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    open = n > 0;
    if (open) pending.append(buffer.data(), static_cast<std::size_t>(n));
    if (!open && !pending.empty()) pending += '\n';  // the last line may lack its end
    std::size_t at = 0;
    for (std::size_t end; (end = pending.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string_view line = std::string_view(pending).substr(at, end - at);
      if (line.empty()) continue;
      if (concurrency == Concurrency::threads)
        answering.start(
            [&backend, &verbs, kept = std::string(line)] { write_line(answer_line(backend, verbs, kept)); });
      else if (!write_line(answer_line(backend, verbs, line)))
        return 1;
    }
    pending.erase(0, at);
    if (pending.size() > kLineMaxBytes) return 1;
  }
  return 0;
}

void note(const Request& request, std::string_view text) {
  write_line({{"id", request.id}, {"note", json::string_view(text.data(), text.size())}});
}

}  // namespace flame::backend
