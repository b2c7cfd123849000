// One running call: what stands behind the flame_call that a plugin holds, and the host's table.
#pragma once
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "flame/plugin.h"
#include "runner/worker/arguments.hpp"
#include "runner/worker/channel.hpp"
#include "runner/worker/result_writer.hpp"
#include "runner/worker/shared_page.hpp"

namespace flame::worker {

// A frame that came early: its body is kept.
struct KeptFrame {
  wire::FrameType type{};
  std::uint8_t flags = 0;
  std::uint64_t call = 0;
  std::string body;
  bool too_long = false;  // of a call whose pieces went over the limit: its body was thrown away
};

// Adds a piece to a call's body. Beyond the limit it only marks the frame, so that the other pieces, which
// are on their way, still find their call.
void append_piece(KeptFrame& frame, std::string_view piece,
                  std::uint64_t max_bytes = wire::kArgumentsMaxBytes);
// Throws Error(limit) for a frame that is marked.
void check_length(const KeptFrame& frame, std::uint64_t max_bytes = wire::kArgumentsMaxBytes);

// What the worker's one thread reads from: frames that were put aside first, then the socket.
struct Inbox {
  Channel& channel;
  std::deque<KeptFrame> aside;
};

struct RunningCall {
  flame_call handle;  // first: the plugin's pointer is ours
  Inbox& inbox;
  SharedPage& page;
  std::uint64_t number;
  Deadline deadline;
  Arguments& arguments;
  ResultWriter result;

  std::mutex failing{};
  std::optional<Error> failure{};
  std::string_view
      input{};  // of its input stream, what is here and not read; the channel's until its next receive
  bool input_ended = false;
  std::atomic<std::int64_t> progress_told_ms{0};
};

// The table that every plugin gets; it lives as long as the process.
const flame_host& host();

}  // namespace flame::worker
