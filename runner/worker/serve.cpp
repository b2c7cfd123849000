#include "runner/worker/serve.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "base/text.hpp"
#include "runner/worker/border.h"
#include "runner/worker/debugger.hpp"
#include "runner/worker/environment.hpp"
#include "runner/worker/prints.hpp"
#include "runner/worker/running_call.hpp"
#include "runner/worker/usage.hpp"

namespace flame::worker {
namespace {

using wire::FrameType;

struct Bind {
  const LoadedFunction* function = nullptr;
  std::optional<Error> error;  // its calls fail with it
  Environment environment;
  bool phases = false, usage = false;
};

class Server {
 public:
  Server(Channel& channel, SharedPage& page, const LoadedPlugin& plugin, KernelWatch& watch)
      : inbox_{channel, {}}, page_(page), plugin_(plugin), watch_(watch) {}

  void run() {
    while (auto frame = next()) {
      if (frame->type == FrameType::bind) bind(frame->body);
      if (frame->type == FrameType::call) gather(std::move(*frame));
      // input, end_input and cancel of a call that has ended are late: nothing to do
    }
  }

 private:
  std::optional<KeptFrame> next() {
    if (!inbox_.aside.empty()) {
      KeptFrame frame = std::move(inbox_.aside.front());
      inbox_.aside.pop_front();
      return frame;
    }
    const auto frame = inbox_.channel.receive();
    if (!frame) return std::nullopt;
    return KeptFrame{frame->type, frame->flags, frame->call, std::string(frame->body)};
  }

  void bind(const std::string& body) {
    const auto request = boost::json::parse(body);
    const auto number = request.at("bind").to_number<std::uint32_t>();
    const std::string name(request.at("function").as_string());
    const std::string head = "{\"bind\":" + std::to_string(number);
    Bind made;
    made.function = plugin_.find(name);
    if (made.function == nullptr) {
      const auto near = nearest(name, plugin_.names());
      const Error error(ErrorKind::unknown_function, "'" + plugin_.path + "' has no function '" + name + "'",
                        near ? "did you mean '" + *near + "'?" : "");
      inbox_.channel.send(FrameType::bound, 0, 0, head + ",\"error\":" + error_json(error) + "}");
      made.error = error;
      binds_[number] = std::move(made);
      return;
    }
    if (const auto* environment = request.as_object().if_contains("env"))
      for (const auto& item : environment->as_object())
        made.environment.set(item.key(), item.value().as_string());
    made.phases = request.as_object().contains("phases");
    made.usage = made.phases || request.as_object().contains("usage");
    binds_[number] = std::move(made);
    std::string answer = head + ",\"signature\":";
    append_json_string(answer, binds_[number].function->entry->signature);
    append_json_string(answer += ",\"flags\":", binds_[number].function->entry->flags);
    inbox_.channel.send(FrameType::bound, 0, 0, answer + "}");
  }

  // A body in pieces: its other frames follow, with nothing of another call between them.
  void gather(KeptFrame frame) {
    while ((frame.flags & wire::flag::more) != 0) {
      const auto piece = next();
      if (!piece) return;
      if (piece->type == FrameType::cancel) continue;  // the runner set the page too
      if (piece->type != FrameType::call || piece->call != frame.call) continue;
      append_piece(frame, piece->body);
      frame.flags = piece->flags;
    }
    answer(frame);
  }

  void answer(KeptFrame& frame) {
    page_.begun.store(frame.call);
    if (page_.is_withdrawn(frame.call)) {
      inbox_.channel.answer(FrameType::withdrawn, 0, frame.call, {});
      return;
    }
    try {
      call(frame);
    } catch (const Error& error) {
      inbox_.channel.send_error(frame.call, error);
    } catch (const std::exception& error) {
      inbox_.channel.send_error(frame.call, Error(ErrorKind::internal, error.what()));
    }
  }

  void call(KeptFrame& frame) {
    check_length(frame);
    const auto head = wire::read_call_head(frame.body);
    const auto bind = head ? binds_.find(head->bind) : binds_.end();
    if (bind == binds_.end()) throw Error(ErrorKind::protocol, "a call of an unknown bind");
    if (bind->second.error) throw *bind->second.error;
    const LoadedFunction& function = *bind->second.function;
    frame.body.erase(0, wire::kCallHeadBytes);
    Arguments arguments(function.entry->name, function.signature, head->argument_count,
                        std::move(frame.body));
    bind->second.environment.put_in_place();
    if (bind->second.phases) inbox_.channel.send(FrameType::started, 0, frame.call, {});
    wait_for_debugger(*function.entry);
    const Usage before = bind->second.usage ? meter(frame.call) : Usage{};

    RunningCall running{
        .handle = {&host()},
        .inbox = inbox_,
        .page = page_,
        .number = frame.call,
        .deadline = Deadline::from_remaining_ms(head->remaining_ms),
        .arguments = arguments,
        .result = ResultWriter(function.signature.result ? &*function.signature.result : nullptr)};
    watch_.arm();
    const int status = flame_invoke(function.entry, &running.handle);
    std::fflush(nullptr);
    if (!watch_.stayed_out()) {
      prints_.settle();  // what it printed comes before its answer
      reset();
    }
    if (bind->second.usage)
      inbox_.channel.put_before_answer(FrameType::usage, frame.call, Usage::now().since(before));
    finish(running, function, status);
  }

  // The runner tells of a call that does not come back.
  Usage meter(std::uint64_t call) {
    const Usage now = Usage::now();
    page_.metered_wall_us.store(now.wall_us);
    page_.metered_cpu_us.store(now.cpu_us);
    page_.metered.store(call);
    return now;
  }

  void finish(RunningCall& running, const LoadedFunction& function, int status) {
    const std::lock_guard lock(running.failing);
    if (status != 0 && !running.failure) {
      running.failure = Error(ErrorKind::failed, "the function failed without a message");
      running.failure->code = status;
    }
    if (!running.failure && !running.result.complete())
      running.failure =
          Error(ErrorKind::bad_result, "returned without its result, which its signature declares");
    if (running.failure) {
      Error& error = *running.failure;
      error.with_fate(Fate::failed).at_phase("run");
      if (error.kind != ErrorKind::failed)
        error.message = std::string(function.entry->name) + ": " + error.message;
      inbox_.channel.send_error(running.number, error);
      return;
    }
    std::uint8_t flags = 0;
    if (!function.signature.result) flags = wire::flag::none;
    if (running.result.raw_bytes()) flags = wire::flag::bytes;
    inbox_.channel.answer(FrameType::result, flags, running.number, running.result.text());
  }

  // What one call did to the process must not meet the next. Signal handlers stay: libraries set them once,
  // when they are loaded, and count on them.
  void reset() {
    if (::chdir("/") != 0) std::abort();
    ::umask(022);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  Inbox inbox_;
  SharedPage& page_;
  const LoadedPlugin& plugin_;
  KernelWatch& watch_;
  std::map<std::uint32_t, Bind> binds_;
  Prints prints_{page_};
};

}  // namespace

void serve(Channel& channel, SharedPage& page, const LoadedPlugin& plugin, KernelWatch& watch) {
  Server(channel, page, plugin, watch).run();
}

}  // namespace flame::worker
