// Small files of ours, of lines "key value".
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

namespace flame::client {

// take(key, value) for each line; one without a space is passed over.
template <typename Take>
void each_key_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const std::size_t space = line.find(' '); space != std::string_view::npos)
      take(line.substr(0, space), std::string(line.substr(space + 1)));
  }
}

// The line; nothing for a value that would be several.
inline std::string key_line(std::string_view key, const std::string& value) {
  return value.find('\n') == std::string::npos ? std::string(key) + " " + value + "\n" : "";
}

}  // namespace flame::client
