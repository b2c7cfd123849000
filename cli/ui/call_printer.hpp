// What a call gives, as people and scripts see it: results on stdout, what it says on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flame::cli {

// Results to stdout. A string that --raw unquotes must be whole; the newline goes with the result's last
// piece.
class ResultPrinter {
 public:
  explicit ResultPrinter(bool raw) : raw_(raw) {}
  void take(std::string_view piece, std::uint8_t flags);

 private:
  void unquote();

  bool raw_;
  std::string kept_;
};

void print_log(std::string_view level, std::string_view text);

}  // namespace flame::cli
