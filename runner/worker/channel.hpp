// The worker's end of the socket to its runner. Writing is safe from every thread.
#pragma once
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "wire/frame.hpp"

namespace flame::worker {

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}

  // False when the runner is gone.
  bool send(wire::FrameType type, std::uint8_t flags, std::uint64_t call,
            std::string_view body);  // in pieces
  bool send_error(std::uint64_t call, const Error& error);

  // Blocks for the next frame; nullopt at the end. Its body lives until the next receive().
  std::optional<wire::Frame> receive();

 private:
  int fd_;
  std::mutex writing_;
  wire::FrameReader reader_;
};

// The JSON of PROTOCOL.md §6.
std::string error_json(const Error& error);

}  // namespace flame::worker
