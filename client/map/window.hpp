// The items between input and output: bounded in number and bytes, handed out in order or as they end.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace flame::client {

struct Item {
  enum class State : std::uint8_t { free, waiting, in_flight, ended };
  State state = State::free;
  std::uint8_t flags = 0;        // of the result frame
  std::uint8_t rung = 0;         // of the ladder of guests, where it is to run
  bool told = false;             // the runner says how long it waited and ran
  std::uint32_t attempts = 0;    // that may have begun, the present one included
  std::uint32_t runner = 0;      // where it is in flight
  std::uint32_t sent_to = 0;     // the number of that runner, which may be gone when it is printed; 0: none
  std::uint64_t number = 0;      // 1… in the order of the input
  std::uint64_t round = 0;       // of its runner's messages, the one that took it
  std::uint64_t log_number = 0;  // under which the job log has it
  std::string text;              // as it was read
  std::string result;            // as far as it has come
  std::unique_ptr<Error> error;  // how it ended, when not well
  Clock::time_point sent{}, ended{};
  double run_ms = -1, queue_ms = -1;  // from the runner; -1: not told
};

using ItemIndex = std::uint32_t;

class Window {
 public:
  Window(std::size_t max_count, std::size_t max_bytes, bool ordered)
      : max_count_(max_count), max_bytes_(max_bytes), ordered_(ordered) {}

  // Whether another item may be read: bytes that calls in flight will bring are counted in advance.
  bool has_room(std::size_t expected_bytes) const {
    return count_ == 0 || (count_ < max_count_ && bytes_ + expected_bytes < max_bytes_);
  }
  ItemIndex add(std::uint64_t number, std::string_view text);
  Item& operator[](ItemIndex index) { return items_[index]; }
  std::size_t size() const { return items_.size(); }  // indexes are below this
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  void add_result(Item& item, std::string_view piece) {
    item.result += piece;
    bytes_ += piece.size();
  }
  void drop_result(Item& item) {
    bytes_ -= item.result.size();
    item.result.clear();
  }

  // The item whose turn it is, once it has ended; nullptr: it has not.
  Item* front() {
    if (order_.empty()) return nullptr;
    Item& item = items_[order_.front()];
    return item.state == Item::State::ended ? &item : nullptr;
  }
  bool is_front(ItemIndex index) const { return !ordered_ || order_.front() == index; }
  void pop_front();
  void release(ItemIndex index);  // unordered: any that has ended
  // Drops items that never began, when no more are to be fed.
  void drop_waiting();

 private:
  static constexpr std::size_t kKeepBytes = 64;  // a longer text gives its memory back

  std::size_t max_count_, max_bytes_, count_ = 0, bytes_ = 0;
  bool ordered_;
  std::deque<Item> items_;  // a deque: references stay
  std::vector<ItemIndex> free_;
  std::deque<ItemIndex> order_;
};

}  // namespace flame::client
