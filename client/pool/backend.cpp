#include "client/pool/backend.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>

#include "base/text.hpp"
#include "client/json_text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::size_t kLineMaxBytes = 4 * 1024 * 1024;
constexpr milliseconds kGoodbye{1000};  // for a backend to end after its stdin has ended

Address address_of(const json::object& holder) {
  Address out;
  const auto* value = holder.if_contains("address");
  if (value == nullptr || !value->is_object()) return out;
  const json::object& object = value->get_object();
  out.unix_path = text_of(object, "unix");
  out.tcp = text_of(object, "tcp");
  out.token = text_of(object, "token");
  if (const auto* headers = object.if_contains("headers"); headers != nullptr && headers->is_object())
    for (const auto& [name, text] : headers->get_object())
      if (text.is_string()) out.headers.emplace_back(name, json::value_to<std::string>(text));
  return out;
}

double price_of(const json::object& object, std::string_view key) {
  const auto* price = object.if_contains(json::string_view(key.data(), key.size()));
  return price != nullptr && price->is_number() ? price->to_number<double>() : 0;
}

Machine machine_of(const json::value& value) {
  const json::object& object = value.as_object();
  Machine out;
  out.name = text_of(object, "name");
  out.state = text_of(object, "state");
  out.generation = text_of(object, "generation");
  out.address = address_of(object);
  out.created_at_ms = count_of(object, "created_at_ms");
  out.pid = count_of(object, "pid");
  out.pool = text_of(object, "pool");
  out.price_per_second = price_of(object, "price_per_second");
  out.details = json::serialize(value);
  return out;
}

Error error_of(const json::object& object) {
  const std::string code = text_of(object, "code");
  const ErrorKind unnamed = code == "has_left" ? ErrorKind::unreachable : ErrorKind::boot_failed;
  Error error(error_kind_from_name(code).value_or(unnamed), text_of(object, "message"),
              text_of(object, "hint"));
  error.type = code;  // name_taken and has_left are no kinds of their own
  if (const std::uint64_t ms = count_of(object, "retry_after_ms"); ms > 0)
    error.retry_after_ms = static_cast<std::int64_t>(ms);
  return error;
}

BackendAnswer answer_of(std::uint64_t id, const json::object& reply) {
  BackendAnswer out;
  out.id = id;
  if (const auto* note = reply.if_contains("note")) {
    out.kind = BackendAnswer::Kind::note;
    out.text = json::value_to<std::string>(*note);
  } else if (const auto* error = reply.if_contains("error")) {
    out.kind = BackendAnswer::Kind::failed;
    out.error = error_of(error->as_object());
  } else {
    const json::object& ok = reply.at("ok").as_object();
    if (const auto* machines = ok.if_contains("machines"))
      for (const auto& machine : machines->as_array()) out.machines.push_back(machine_of(machine));
    if (const auto* machine = ok.if_contains("machine")) out.machines.push_back(machine_of(*machine));
    out.boot_price_per_second = price_of(ok, "boot_price_per_second");
    out.address = address_of(ok);
    if (const auto* abilities = ok.if_contains("abilities"); abilities != nullptr && abilities->is_array())
      for (const auto& ability : abilities->get_array())
        if (ability.is_string()) out.abilities.push_back(json::value_to<std::string>(ability));
    out.text = text_of(ok, "text");
    if (out.text.empty()) out.text = text_of(ok, "lease");
    if (out.text.empty()) out.text = text_of(ok, "hint");
  }
  return out;
}

bool name_is_plain(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "died of signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

BackendAnswer read_backend_answer(std::string_view line) {
  const json::value reply = json::parse(json::string_view(line.data(), line.size()));
  return answer_of(reply.at("id").to_number<std::uint64_t>(), reply.as_object());
}

void check_backend_name(const std::string& name) {
  if (!name_is_plain(name))
    throw Error(ErrorKind::config, "'" + name + "' is not the name of a backend",
                "names hold lower-case letters, digits, - and _");
}

std::string find_backend(const std::string& name) {
  check_backend_name(name);
  const std::string program = "flame-backend-" + name;
  const std::string own = own_directory();
  // The second: a tree that is built and not installed.
  for (const char* place : {"/../libexec/flame/", "/../backends/"})
    if (const std::string path = own + place + program; ::access(path.c_str(), X_OK) == 0) return path;
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "";
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    const std::string path = std::string(directory) + "/" + program;
    if (directory.starts_with('/') && ::access(path.c_str(), X_OK) == 0) return path;
  }
  throw Error(
      ErrorKind::config,
      "there is no backend '" + name + "': no " + program + " in " + own + "/../libexec/flame or on PATH",
      "the built-in backend is 'local'");
}

Backend::Backend(std::string path) : path_(std::move(path)) {}

Backend::~Backend() {
  if (child_) finish(kGoodbye);
}

// Its own session: a Ctrl-C at the terminal is for flame, which decides what becomes of a boot, and a kill
// reaches whatever a script has started.
void Backend::start() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    throw system_error("cannot make a socket pair", errno);
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  SpawnPlan plan;
  plan.path = path_;
  plan.arguments = {path_.substr(path_.rfind('/') + 1)};
  plan.environment = current_environment();
  plan.descriptors = {{theirs.get(), 0}, {theirs.get(), 1}, {2, 2}};
  plan.new_session = true;
  child_ = spawn(plan);
  stream_ = std::move(ours);
  answered_ = false;
}

std::uint64_t Backend::ask(std::string_view verb, const json::object& fields, Deadline deadline) {
  const std::uint64_t id = ++last_id_;
  json::object request = fields;
  request["id"] = id;
  request["verb"] = json::string_view(verb.data(), verb.size());
  if (!deadline.unlimited()) request["remaining_ms"] = deadline.remaining_ms();
  const auto& entry =
      pending_.emplace(id, Pending{std::string(verb), json::serialize(request) + "\n", deadline})
          .first->second;
  try {
    if (!child_) start();
  } catch (...) {
    pending_.erase(id);
    throw;
  }
  outgoing_ += entry.line;
  flush();
  return id;
}

void Backend::flush() {
  while (!outgoing_.empty()) {
    const ssize_t n = ::send(stream_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
      outgoing_.erase(0, static_cast<std::size_t>(n));
    else if (errno != EINTR)
      return;  // full: later. Broken: reading tells.
  }
}

std::optional<BackendAnswer> Backend::take() {
  if (child_) {
    flush();
    receive();
    expire();
  }
  if (ready_.empty()) return std::nullopt;
  BackendAnswer out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

void Backend::receive() {
  std::array<char, 16 * 1024> buffer;
  while (child_) {
    const ssize_t n = ::recv(stream_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return ended();
    incoming_.append(buffer.data(), static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t end; child_ && (end = incoming_.find('\n', at)) != std::string::npos; at = end + 1)
      take_line(std::string_view(incoming_).substr(at, end - at));
    incoming_.erase(0, std::min(at, incoming_.size()));
    if (incoming_.size() <= kLineMaxBytes) continue;
    finish(milliseconds(0));
    fail_all(Error(ErrorKind::protocol, "the backend '" + path_ + "' sent a line without an end"));
  }
}

void Backend::take_line(std::string_view line) {
  try {
    BackendAnswer answer = read_backend_answer(line);
    const auto known = pending_.find(answer.id);
    if (known == pending_.end()) return;  // what nobody waits for any more
    if (answer.kind != BackendAnswer::Kind::note) {
      pending_.erase(known);
      answered_ = true;
    }
    ready_.push_back(std::move(answer));
  } catch (const std::exception&) {
    const Error error(
        ErrorKind::protocol,
        "the backend '" + path_ + "' gave an answer that cannot be read: " + printable(line.substr(0, 200)),
        "backends/PROTOCOL.md says what a line holds");
    finish(milliseconds(0));
    fail_all(error);
  }
}

// A script that answers one request and ends is legal: what it left is asked of the next one. Each process
// must answer something, so this ends.
void Backend::ended() {
  const int status = finish(kGoodbye);
  if (pending_.empty()) return;
  if (!answered_)
    return fail_all(Error(ErrorKind::boot_failed,
                          "the backend '" + path_ + "' gave no answer: it " + how_it_ended(status)));
  try {
    start();
    for (const auto& [id, pending] : pending_) outgoing_ += pending.line;
    flush();
  } catch (const Error& error) {
    fail_all(error);
  }
}

void Backend::expire() {
  for (const auto& [id, pending] : pending_) {
    if (!pending.deadline.passed()) continue;
    finish(milliseconds(0));
    return fail_all(
        Error(ErrorKind::timed_out, "the deadline passed while the engine was asked to " + pending.verb));
  }
}

void Backend::fail_all(const Error& error) {
  for (const auto& [id, pending] : std::exchange(pending_, {})) {
    BackendAnswer answer;
    answer.kind = BackendAnswer::Kind::failed;
    answer.id = id;
    answer.error = error;
    ready_.push_back(std::move(answer));
  }
}

int Backend::finish(milliseconds grace) {
  stream_.reset();
  outgoing_.clear();
  incoming_.clear();
  pollfd wait = {child_->pidfd.get(), POLLIN, 0};
  const Deadline patience = Deadline::in(grace);
  while (::poll(&wait, 1, patience.poll_timeout_ms()) < 0 && errno == EINTR) {
  }
  if (wait.revents == 0) ::kill(-child_->pid, SIGKILL);
  const int status = wait_child(*child_);
  child_.reset();
  return status;
}

Deadline Backend::next_deadline() const {
  // What came beside an answer that was waited for has been read: fd() will not tell of it.
  if (!ready_.empty()) return Deadline::in(milliseconds(0));
  Deadline out;
  for (const auto& [id, pending] : pending_) out = out.earlier(pending.deadline);
  return out;
}

BackendAnswer Backend::wait(std::uint64_t id) {
  std::deque<BackendAnswer> others;
  for (;;) {
    while (auto answer = take()) {
      if (answer->id != id || answer->kind == BackendAnswer::Kind::note) {
        others.push_back(std::move(*answer));
        continue;
      }
      for (auto& later : ready_) others.push_back(std::move(later));
      ready_ = std::move(others);
      return std::move(*answer);
    }
    pollfd ready = {fd(), POLLIN, 0};
    ::poll(&ready, 1, next_deadline().poll_timeout_ms());
  }
}

}  // namespace flame::client
