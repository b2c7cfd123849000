#include "client/plugin/conformance_runner.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/fd.hpp"
#include "client/call.hpp"
#include "client/inline/children.hpp"
#include "client/pool/runtime_dir.hpp"
#include "client/remote_error.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using wire::FrameType;
constexpr std::uint64_t kInFlight = 64;
constexpr milliseconds kLongEnough{100};

PoolSettings private_pool() {
  PoolSettings out;
  out.name = "check-" + std::to_string(::getpid());
  out.slots = 1;
  out.idle_timeout_ms = 30'000;  // it leaves by itself should we die
  return out;
}

bool ends_call(FrameType type) {
  return type == FrameType::result || type == FrameType::error || type == FrameType::busy;
}

Error too_late(const std::string& doing) {
  return Error(ErrorKind::timed_out, "there was no answer in time when it was " + doing);
}

}  // namespace

ConformanceRunner::ConformanceRunner(std::string path, std::string sha256)
    : path_(std::move(path)), sha256_(std::move(sha256)), pool_(private_pool()) {
  const json::value hello = json::parse(link(Deadline::in(std::chrono::seconds(60)))->hello());
  name_ = json::value_to<std::string>(hello.at("runner"));
  runner_ = hello.at("pid").to_number<pid_t>();
}

ConformanceRunner::~ConformanceRunner() {
  try {
    pool_.destroy(name_, Deadline::in(std::chrono::seconds(20)));
    // The pool's name is ours alone, and so is its lock.
    ::unlink((runtime_dir() + "/boot-local." + pool_.settings().name + ".lock").c_str());
  } catch (...) {
    // It leaves when idle.
  }
}

std::unique_ptr<Link> ConformanceRunner::link(Deadline deadline) { return pool_.find(deadline); }

std::optional<Error> ConformanceRunner::call(const std::string& function, const std::string& arguments,
                                             Deadline deadline) {
  Invocation invocation;
  invocation.path = path_;
  invocation.sha256 = sha256_;
  invocation.function = function;
  invocation.arguments.push_back({wire::ArgumentKind::json_array, arguments, nullptr});
  invocation.fresh = true;
  invocation.deadline = deadline;
  CallEvents ignore;
  ignore.on_output = [](std::string_view) {};
  ignore.on_result = [](std::string_view, std::uint8_t) {};
  ignore.on_log = [](std::string_view, std::string_view) {};
  try {
    run_call(*link(deadline), invocation, ignore);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

std::string ConformanceRunner::bind_and_call(const std::string& function, const std::string& arguments,
                                             bool fresh, Deadline deadline) const {
  const json::object bind = {{"bind", 0},         {"function", function},  {"path", path_},
                             {"sha256", sha256_}, {"env", json::object()}, {"fresh", fresh},
                             {"phases", true}};
  std::string out;
  wire::append_frame(out, FrameType::bind, 0, 0, json::serialize(bind));
  append_call(out, 1, arguments, deadline);
  return out;
}

void ConformanceRunner::append_call(std::string& out, std::uint64_t id, const std::string& arguments,
                                    Deadline deadline) {
  std::string body;
  wire::append_call_head(body, {0, 1, deadline.remaining_ms()});
  wire::append_argument(body, wire::ArgumentKind::json_array, arguments);
  wire::append_frame(out, FrameType::call, 0, id, body);
  wire::append_frame(out, FrameType::end_input, 0, id, {});
}

ConformanceRunner::CancelEnd ConformanceRunner::cancel(const std::string& function,
                                                       const std::string& arguments, Deadline deadline) {
  CancelEnd end;
  const auto way = link(deadline);
  way->send(bind_and_call(function, arguments, true, deadline), deadline);
  // Only what still runs after a while can show that it heeds.
  Deadline until = deadline;
  bool started = false, asked = false;
  for (;;) {
    const auto frame = way->next(until);
    if (!frame && (asked || deadline.passed() || !started)) break;
    if (!frame) {
      std::string cancel;
      wire::append_frame(cancel, FrameType::cancel, 0, 1, {});
      way->send(cancel, deadline);
      asked = true;
      until = deadline;
      continue;
    }
    if (frame->type == FrameType::started) {
      started = true;
      until = deadline.earlier(Deadline::in(kLongEnough));
    }
    if (!ends_call(frame->type)) continue;
    if (frame->type == FrameType::error) end.error = remote_error(frame->body);
    // The runner says "cancelled" of a call that it had to stop; one that heeds ends with words of its own.
    if (!end.error || (end.error->kind == ErrorKind::failed && !asked)) end.what = CancelEnd::done_before;
    if (asked && end.error && end.error->kind == ErrorKind::failed) end.what = CancelEnd::heeded;
    if (asked && end.error && end.error->kind == ErrorKind::cancelled) end.what = CancelEnd::killed;
    return end;
  }
  end.error = too_late("cancelled");
  return end;
}

ConformanceRunner::RepeatEnd ConformanceRunner::repeat(const std::string& function,
                                                       const std::string& arguments, std::uint64_t count,
                                                       Deadline deadline) {
  RepeatEnd end;
  const auto way = link(deadline);
  std::uint64_t sent = 1;
  way->send(bind_and_call(function, arguments, false, deadline), deadline);
  while (end.done < count) {
    const auto frame = way->next(deadline);
    if (!frame) {
      end.error = too_late("repeated");
      break;
    }
    if (!ends_call(frame->type)) continue;
    if (frame->type == FrameType::error) {
      end.error = remote_error(frame->body);
      break;
    }
    ++end.done;
    if (end.done == std::max<std::uint64_t>(1, count / 10)) end.before_bytes = worker_bytes();
    std::string more;
    while (sent < count && sent - end.done < kInFlight) append_call(more, ++sent, arguments, deadline);
    if (!more.empty()) way->send(more, deadline);
  }
  end.after_bytes = worker_bytes();
  return end;
}

// The runner's only child is a worker's nanny, and hers is the worker.
pid_t ConformanceRunner::worker() const { return worker_of(runner_); }

std::uint64_t ConformanceRunner::worker_bytes() const {
  try {
    const std::string text = read_file("/proc/" + std::to_string(worker()) + "/statm", 4096);
    const std::size_t space = text.find(' ');
    const auto pages = std::strtoull(text.c_str() + (space == std::string::npos ? 0 : space), nullptr, 10);
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace flame::client
