#include "runner/worker/environment.hpp"

#include <unistd.h>

#include <algorithm>

namespace flame::worker {

Environment::Environment()
    : lines_{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8", "TMPDIR=/tmp"} {}

void Environment::set(std::string_view name, std::string_view value) {
  const std::string head = std::string(name) + "=";
  std::erase_if(lines_, [&](const std::string& line) { return line.starts_with(head); });
  lines_.push_back(head + std::string(value.substr(0, value.find('\0'))));
}

// setenv(3) copies the array before it grows it, and putenv(3) writes over one entry: pointers are all that
// can have changed, so they are all that is written.
void Environment::put_in_place() {
  live_.resize(lines_.size() + 1);
  for (std::size_t i = 0; i < lines_.size(); ++i) live_[i] = lines_[i].data();
  live_.back() = nullptr;
  environ = live_.data();
}

}  // namespace flame::worker
