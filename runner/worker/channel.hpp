// The worker's end of the socket to its runner. Writing is safe from every thread.
#pragma once
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runner/worker/shared_page.hpp"
#include "wire/frame.hpp"

namespace flame::worker {

class Channel {
 public:
  Channel(int fd, SharedPage& page) : fd_(fd), page_(page) {}

  // False when the runner is gone.
  bool send(wire::FrameType type, std::uint8_t flags, std::uint64_t call,
            std::string_view body);  // in pieces
  // The same for what comes right before a call's last word: goes with that.
  bool put_before_answer(wire::FrameType type, std::uint64_t call, std::string_view body);
  // The same for a call's last word: it may wait for others, but the runner has it once this returns.
  bool answer(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body);
  bool send_error(std::uint64_t call, const Error& error);

  // Blocks for the next frame; nullopt at the end. Its body lives until the next receive().
  std::optional<wire::Frame> receive();

 private:
  bool put(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body);
  bool send_ring();
  bool send_piece(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view piece);
  bool send_bytes(const char* data, std::size_t size);

  int fd_;
  SharedPage& page_;
  std::uint64_t produced_ = 0, sent_ = 0;  // positions; what lies between is in the ring
  Clock::time_point sent_at_{};
  std::mutex writing_;
  std::string frame_;  // being written
  wire::FrameReader reader_;
};

// The JSON of PROTOCOL.md §6.
std::string error_json(const Error& error);

}  // namespace flame::worker
