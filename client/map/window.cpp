#include "client/map/window.hpp"

#include <algorithm>

namespace flame::client {
namespace {

void empty(std::string& text, std::size_t keep) {
  if (text.capacity() > keep)
    std::string().swap(text);
  else
    text.clear();
}

}  // namespace

ItemIndex Window::add(std::uint64_t number, std::string_view text) {
  ItemIndex index;
  if (free_.empty()) {
    index = static_cast<ItemIndex>(items_.size());
    items_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Item& item = items_[index];
  item.state = Item::State::waiting;
  item.number = number;
  item.sent_to = 0;
  item.text = text;
  bytes_ += text.size() + sizeof(Item);
  ++count_;
  if (ordered_) order_.push_back(index);
  return index;
}

void Window::release(ItemIndex index) {
  Item& item = items_[index];
  bytes_ -= item.text.size() + item.result.size() + sizeof(Item);
  --count_;
  empty(item.text, kKeepBytes);
  empty(item.result, kKeepBytes);
  item.error.reset();
  item.state = Item::State::free;
  item.attempts = 0;
  item.rung = 0;
  item.run_ms = item.queue_ms = -1;
  free_.push_back(index);
}

void Window::pop_front() {
  const ItemIndex index = order_.front();
  order_.pop_front();
  release(index);
}

void Window::drop_waiting() {
  std::erase_if(order_, [&](ItemIndex index) { return items_[index].state == Item::State::waiting; });
  for (ItemIndex i = 0; i < items_.size(); ++i)
    if (items_[i].state == Item::State::waiting) release(i);
}

}  // namespace flame::client
