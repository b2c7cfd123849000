#include "client/map/items.hpp"

#include <cstring>

#include "base/error.hpp"

namespace flame::client {

char* ItemSplitter::prepare(std::size_t size) {
  buffer_.erase(0, at_);
  looked_ -= at_;
  at_ = 0;
  committed_ = buffer_.size();
  buffer_.resize(committed_ + size);
  return buffer_.data() + committed_;
}

// Offset of the terminator, or npos.
std::size_t ItemSplitter::find_end() {
  if (!quotes_) {
    if (looked_ == buffer_.size()) return std::string::npos;
    const void* end = std::memchr(buffer_.data() + looked_, terminator_, buffer_.size() - looked_);
    if (end != nullptr) return static_cast<std::size_t>(static_cast<const char*>(end) - buffer_.data());
    looked_ = buffer_.size();
    return std::string::npos;
  }
  for (; looked_ < buffer_.size(); ++looked_) {
    if (buffer_[looked_] == '"') inside_ = !inside_;
    if (buffer_[looked_] == terminator_ && !inside_) return looked_;
  }
  return std::string::npos;
}

bool ItemSplitter::ready() {
  const bool terminated = find_end() != std::string::npos;
  return terminated || (finished_ && at_ < buffer_.size());
}

std::optional<std::string_view> ItemSplitter::next() {
  std::size_t end = find_end();
  const bool terminated = end != std::string::npos;
  if (!terminated) {
    if (buffer_.size() - at_ > kItemMaxBytes)
      throw Error(ErrorKind::limit, "an item is longer than " + std::to_string(kItemMaxBytes) + " bytes",
                  "name files with --from files instead: they are streamed");
    if (!finished_ || at_ == buffer_.size()) return std::nullopt;
    end = buffer_.size();
  }
  const std::string_view item(buffer_.data() + at_, end - at_);
  at_ = end + (terminated ? 1 : 0);
  looked_ = at_;
  return item;
}

}  // namespace flame::client
