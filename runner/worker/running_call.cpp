#include "runner/worker/running_call.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "runner/worker/files.hpp"

namespace flame::worker {
namespace {

using wire::FrameType;

RunningCall& of(flame_call* call) { return *reinterpret_cast<RunningCall*>(call); }
std::string_view view(const void* data, std::uint64_t size) { return {static_cast<const char*>(data), size}; }

void record_failure(RunningCall& call, Error error) {
  const std::lock_guard lock(call.failing);
  if (!call.failure) call.failure = std::move(error);
}

// Exceptions of ours must not reach the plugin: they become the call's failure.
template <class Body>
int guarded(flame_call* handle, Body body) noexcept {
  RunningCall& call = of(handle);
  try {
    body(call);
    return FLAME_OK;
  } catch (Error& error) {
    record_failure(call, std::move(error));
  } catch (const std::exception& error) {
    record_failure(call, Error(ErrorKind::internal, error.what()));
  }
  return FLAME_MISUSE;
}

const void* extension(const flame_host*, const char* name) {
  const std::string_view wanted = name != nullptr ? name : "";
  return wanted == FLAME_FILES_EXTENSION ? &files_extension() : nullptr;
}

const flame_value* arguments(flame_call* call, std::uint32_t* count) {
  const auto& values = of(call).arguments.values();
  *count = static_cast<std::uint32_t>(values.size());
  return values.data();
}

int result_null(flame_call* c) {
  return guarded(c, [](auto& call) { call.result.null(); });
}
int result_bool(flame_call* c, std::int32_t v) {
  return guarded(c, [v](auto& call) { call.result.boolean(v != 0); });
}
int result_i64(flame_call* c, std::int64_t v) {
  return guarded(c, [v](auto& call) { call.result.i64(v); });
}
int result_u64(flame_call* c, std::uint64_t v) {
  return guarded(c, [v](auto& call) { call.result.u64(v); });
}
int result_f64(flame_call* c, double v) {
  return guarded(c, [v](auto& call) { call.result.f64(v); });
}
int result_string(flame_call* c, const char* text, std::uint64_t size) {
  return guarded(c, [=](auto& call) { call.result.string(view(text, size)); });
}
int result_bytes(flame_call* c, const void* data, std::uint64_t size) {
  return guarded(c, [=](auto& call) { call.result.bytes(view(data, size)); });
}
int result_json(flame_call* c, const char* text, std::uint64_t size) {
  return guarded(c, [=](auto& call) { call.result.json(view(text, size)); });
}
int begin_array(flame_call* c) {
  return guarded(c, [](auto& call) { call.result.begin_array(); });
}
int end_array(flame_call* c) {
  return guarded(c, [](auto& call) { call.result.end_array(); });
}
int begin_record(flame_call* c) {
  return guarded(c, [](auto& call) { call.result.begin_record(); });
}
int result_key(flame_call* c, const char* text, std::uint64_t size) {
  return guarded(c, [=](auto& call) { call.result.key(view(text, size)); });
}
int end_record(flame_call* c) {
  return guarded(c, [](auto& call) { call.result.end_record(); });
}

int fail(flame_call* c, std::int32_t code, const char* type, const char* message, std::uint64_t size) {
  return guarded(c, [=](RunningCall& call) {
    Error error(ErrorKind::failed, std::string(view(message, size)));
    error.code = code;
    if (type != nullptr) error.type = type;
    error.with_fate(Fate::failed).at_phase("run");
    record_failure(call, std::move(error));
  });
}

void log(flame_call* c, std::int32_t level, const char* text, std::uint64_t size) {
  static constexpr const char* names[] = {"debug", "info", "warning", "error"};
  guarded(c, [=](RunningCall& call) {
    std::string body = "{\"level\":\"" + std::string(names[std::clamp(level, 0, 3)]) + "\",\"text\":";
    const std::string_view cut = view(text, size).substr(0, wire::kLogTextMaxBytes);
    append_json_string(body, valid_utf8(cut) ? cut : std::string_view(printable(cut, true)));
    call.inbox.channel.send(FrameType::log, 0, call.number, body + "}");
  });
}

void progress(flame_call* c, double done, double total, const char* note) {
  constexpr std::int64_t interval_ms = 100;  // what a person can follow
  RunningCall& call = of(c);
  const std::int64_t now = std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
  std::int64_t told = call.progress_told_ms.load();
  if (now - told < interval_ms || !call.progress_told_ms.compare_exchange_strong(told, now)) return;
  guarded(c, [=](RunningCall& running) {
    std::string body = "{\"done\":";
    append_number(body, done);
    body += ",\"total\":";
    append_number(body, total);
    if (note != nullptr && valid_utf8(note)) append_json_string(body += ",\"note\":", note);
    running.inbox.channel.send(FrameType::progress, 0, running.number, body + "}");
  });
}

std::int32_t cancelled(flame_call* c) { return of(c).page.cancelled.load() == of(c).number ? 1 : 0; }
std::uint64_t remaining_ms(flame_call* c) { return of(c).deadline.remaining_ms(); }

// Waits for the next bytes of the input; false when there will be none. Frames for later are put aside.
bool more_input(RunningCall& call) {
  while (!call.input_ended) {
    const auto frame = call.inbox.channel.receive();
    if (!frame) return false;
    if (frame->call == call.number && frame->type == FrameType::input) {
      call.input = frame->body;
      if (!call.input.empty()) return true;
    } else if (frame->call == call.number && frame->type == FrameType::end_input) {
      call.input_ended = true;
    } else if (frame->call == call.number && frame->type == FrameType::cancel) {
      return false;
    } else {
      call.inbox.aside.push_back({frame->type, frame->flags, frame->call, std::string(frame->body)});
    }
  }
  return false;
}

std::int64_t read(flame_call* c, void* buffer, std::uint64_t capacity) {
  RunningCall& call = of(c);
  std::int64_t got = -1;
  guarded(c, [&](RunningCall&) {
    if (call.input.empty() && !more_input(call)) {
      got = call.input_ended ? 0 : -1;
      return;
    }
    const std::uint64_t n = std::min<std::uint64_t>(capacity, call.input.size());
    std::memcpy(buffer, call.input.data(), n);
    call.input.remove_prefix(n);
    got = static_cast<std::int64_t>(n);
  });
  return got;
}

int write(flame_call* c, const void* data, std::uint64_t size) {
  RunningCall& call = of(c);
  if (cancelled(c) != 0) return FLAME_CANCELLED;
  std::string_view rest = view(data, size);
  bool alive = true;
  const int status = guarded(c, [&](RunningCall&) {
    // Each piece is a whole frame of the stream: `more` is for bodies.
    while (alive && !rest.empty()) {
      alive = call.inbox.channel.send(FrameType::output, 0, call.number, rest.substr(0, wire::kPieceBytes));
      rest.remove_prefix(std::min(rest.size(), wire::kPieceBytes));
    }
  });
  return alive ? status : FLAME_BROKEN;
}

}  // namespace

void append_piece(KeptFrame& frame, std::string_view piece, std::uint64_t max_bytes) {
  frame.too_long = frame.too_long || frame.body.size() + piece.size() > wire::kCallHeadBytes + max_bytes;
  if (frame.too_long)
    frame.body.resize(std::min(frame.body.size(), wire::kCallHeadBytes));
  else
    frame.body += piece;
}

void check_length(const KeptFrame& frame, std::uint64_t max_bytes) {
  if (frame.too_long)
    throw Error(ErrorKind::limit, "the arguments take more than " + std::to_string(max_bytes) + " bytes",
                "a streaming function reads its input without a limit");
}

const flame_host& host() {
  static constexpr flame_host table = {
      sizeof(flame_host), FLAME_ABI,  extension,     arguments,    result_null, result_bool, result_i64,
      result_u64,         result_f64, result_string, result_bytes, result_json, begin_array, end_array,
      begin_record,       result_key, end_record,    fail,         log,         progress,    cancelled,
      remaining_ms,       read,       write};
  return table;
}

}  // namespace flame::worker
