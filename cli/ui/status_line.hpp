// One line of progress on a terminal's stderr, written over and at last erased; nothing anywhere else.
#pragma once
#include <string_view>

#include "client/call.hpp"

namespace flame::cli {

class StatusLine {
 public:
  explicit StatusLine(bool quiet) : quiet_(quiet) {}
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void show(const client::CallProgress& progress);
  void say(std::string_view text);  // what is waited for
  void clear();                     // before anything else is written

 private:
  bool wanted();
  void draw(std::string_view text);

  bool quiet_;
  int terminal_ = -1;  // not asked yet
  bool shown_ = false;
  Clock::time_point last_{};
};

}  // namespace flame::cli
