#include "cli/ui/call_printer.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/ui/report.hpp"
#include "wire/frame.hpp"

namespace flame::cli {

void ResultPrinter::take(std::string_view piece, std::uint8_t flags) {
  const bool last = (flags & wire::flag::more) == 0;
  const bool is_json = (flags & (wire::flag::bytes | wire::flag::none)) == 0;
  if (!is_json) return print(piece);
  kept_ += piece;
  if (raw_ && !last) return;
  if (raw_) unquote();
  if (last) kept_ += '\n';
  print(kept_);
  kept_.clear();
}

void ResultPrinter::unquote() {
  if (!kept_.starts_with('"')) return;
  boost::system::error_code why;
  const auto value = boost::json::parse(kept_, why);
  if (!why && value.is_string()) kept_ = boost::json::value_to<std::string>(value);
}

void print_log(std::string_view level, std::string_view text) {
  if (level == "stdout" || level == "stderr")
    write_all(STDERR_FILENO, printable(text, true));
  else
    write_all(STDERR_FILENO, printable(level) + ": " + printable(text) + "\n");
}

}  // namespace flame::cli
