#include "websocket_boundary.hpp"

#include <algorithm>

namespace flame::fly {

std::size_t WebSocketBoundary::header_wanted(const std::array<unsigned char, 14>& header, std::size_t have) {
  if (have < 2) return 2;
  const unsigned length = header[1] & 0x7F;
  const std::size_t mask = (header[1] & 0x80) != 0 ? 4 : 0;
  return 2 + (length == 126 ? 2U : length == 127 ? 8U : 0U) + mask;
}

std::uint64_t WebSocketBoundary::payload_size() const {
  const unsigned length = header_[1] & 0x7F;
  const std::size_t bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  std::uint64_t size = bytes == 0 ? length : 0;
  for (std::size_t i = 0; i < bytes; ++i) size = size << 8 | header_[2 + i];
  return size;
}

void WebSocketBoundary::pass(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const auto part = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= part;
      bytes.remove_prefix(part);
      continue;
    }
    header_[header_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ < header_wanted(header_, header_size_)) continue;
    left_ = payload_size();
    header_size_ = 0;
  }
}

}  // namespace flame::fly
