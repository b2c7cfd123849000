// Where WebSocket frames begin in a stream that merely passes, so that a frame of ours can go in between.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flame::fly {

class WebSocketBoundary {
 public:
  void pass(std::string_view bytes);
  bool between_frames() const { return header_size_ == 0 && left_ == 0; }

 private:
  static std::size_t header_wanted(const std::array<unsigned char, 14>& header, std::size_t have);
  std::uint64_t payload_size() const;
  std::array<unsigned char, 14> header_{};
  std::size_t header_size_ = 0;
  std::uint64_t left_ = 0;
};

// Close, 1001 going away, as a server sends it.
inline constexpr std::string_view kGoingAway{"\x88\x02\x03\xE9", 4};

}  // namespace flame::fly
