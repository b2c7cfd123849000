// Input cut into items: bytes in, items out. Reads nothing itself.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flame::client {

inline constexpr std::size_t kItemMaxBytes = std::size_t{256}
                                             << 20;  // of one item as text; files have no limit

class ItemSplitter {
 public:
  // terminator ends an item; with quotes, not inside "…" (CSV records).
  explicit ItemSplitter(char terminator, bool quotes = false) : terminator_(terminator), quotes_(quotes) {}

  // Room to read into; commit says how much was. Ends the life of items handed out before.
  char* prepare(std::size_t size);
  void commit(std::size_t size) { buffer_.resize(committed_ + size); }
  void finish() { finished_ = true; }  // no more input: what is left is the last item, terminated or not

  // Without its terminator. Throws Error(limit) for one over kItemMaxBytes.
  std::optional<std::string_view> next();
  bool ready();                                                    // next() has one
  std::size_t left_bytes() const { return buffer_.size() - at_; }  // not handed out yet
  bool at_end() const { return finished_ && at_ == buffer_.size(); }

 private:
  std::size_t find_end();

  std::string buffer_;
  std::size_t at_ = 0, committed_ = 0;
  std::size_t looked_ = 0;  // no end before this: a long item is looked through once
  char terminator_;
  bool quotes_, inside_ = false, finished_ = false;
};

}  // namespace flame::client
