// The block on a terminal that says how a map goes. Gone in a pipe, with TERM=dumb, when it is not wanted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/map/map.hpp"

namespace flame::cli {

// What it says, in order of importance.
std::vector<std::string> progress_fields(const client::MapProgress& progress);
// The fields on as many lines as a screen of this width needs; a field that is too long alone is cut.
std::vector<std::string> layout(const std::vector<std::string>& fields, std::size_t columns);

class ProgressBlock {
 public:
  // wanted: not switched off. It shows only if stderr is a terminal that can move its cursor.
  explicit ProgressBlock(bool wanted);
  ~ProgressBlock() { clear(); }

  bool on() const { return on_; }
  void draw(const client::MapProgress& progress);
  void clear();  // before anything else is written to the terminal

 private:
  bool on_;
  std::string drawn_;                 // lines as they stand there, so that the same is not drawn twice
  std::vector<std::size_t> lengths_;  // of the lines that stand there
  std::size_t columns_ = 0;           // when it was drawn last
};

}  // namespace flame::cli
