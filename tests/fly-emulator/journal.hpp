// Every request that came: when, what, by whom, how it was answered, what it changed.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace flame::fly {

struct JournalEntry {
  std::int64_t when_ms = 0;
  std::string method, path, token, request_id;
  unsigned status = 0;
  std::string delivery = "whole";
  std::vector<std::string> changed, faults;
};

class Journal {
 public:
  void add(JournalEntry entry);
  boost::json::array show() const;  // oldest first
  static std::string line(const JournalEntry& entry);

 private:
  static constexpr std::size_t kMost = 50'000;
  std::deque<JournalEntry> entries_;
};

}  // namespace flame::fly
