#include "cli/ui/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace flame::cli {
namespace {

constexpr std::string_view kGap = "  ";
constexpr std::size_t kLeastColumns = 10, kUsualColumns = 80;

std::size_t columns_now() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualColumns;
  return std::max<std::size_t>(size.ws_col, kLeastColumns);
}

bool can_move_cursor() {
  const char* term = std::getenv("TERM");
  const char* plain = std::getenv("NO_COLOR");
  if (plain != nullptr && *plain != '\0') return false;
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

std::string rate_text(double per_second) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), per_second >= 100 ? "%.0f/s" : "%.1f/s", per_second);
  return text.data();
}

std::string runners_text(const client::MapProgress& p) {
  std::string out = std::to_string(p.runners_ready) + (p.runners_ready == 1 ? " runner" : " runners");
  std::string parts;
  const auto part = [&](std::uint32_t count, const char* what) {
    if (count > 0) parts += (parts.empty() ? "" : ", ") + std::to_string(count) + what;
  };
  part(p.runners_busy, " busy");
  part(p.runners_ready - std::min(p.runners_ready, p.runners_busy), " idle");
  part(p.runners_booting, " booting");
  return parts.empty() ? out : out + " (" + parts + ")";
}

}  // namespace

std::vector<std::string> progress_fields(const client::MapProgress& p) {
  const std::uint64_t over = p.counts.done + p.counts.failed + p.counts.skipped;
  std::vector<std::string> out;
  out.push_back(std::to_string(over) + (p.input_ended ? "/" + std::to_string(p.counts.read) : "") + " done");
  if (p.counts.failed > 0) out.push_back(std::to_string(p.counts.failed) + " failed");
  if (p.items_per_second > 0) out.push_back(rate_text(p.items_per_second));
  if (p.input_ended && p.items_per_second > 0 && p.counts.read > over)
    out.push_back("ETA " + human_duration(static_cast<std::uint64_t>(
                               static_cast<double>(p.counts.read - over) / p.items_per_second * 1e3)));
  out.push_back(runners_text(p));
  if (p.priced) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "$%.4f", p.cost);
    out.emplace_back(text.data());
  }
  return out;
}

std::vector<std::string> layout(const std::vector<std::string>& fields, std::size_t columns) {
  const std::size_t width = columns - 1;  // a full last column would wrap on some terminals
  std::vector<std::string> lines;
  for (const std::string& field : fields) {
    const std::string cut = field.substr(0, width);
    if (lines.empty() || lines.back().size() + kGap.size() + cut.size() > width)
      lines.push_back(cut);
    else
      (lines.back() += kGap) += cut;
  }
  return lines;
}

ProgressBlock::ProgressBlock(bool wanted) : on_(wanted && can_move_cursor()) {}

void ProgressBlock::draw(const client::MapProgress& progress) {
  if (!on_) return;
  const std::size_t columns = columns_now();
  // A terminal whose size changes may not have moved its lines yet: where ours are is known when it rests.
  if (std::exchange(columns_, columns) != columns && !lengths_.empty()) return;
  const auto lines = layout(progress_fields(progress), columns);
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  if (text == drawn_) return;
  clear();
  write_all(STDERR_FILENO, text);
  drawn_ = text;
  for (const std::string& line : lines) lengths_.push_back(line.size());
}

// A terminal that became narrower has wrapped the lines that stood there.
void ProgressBlock::clear() {
  if (lengths_.empty()) return;
  const std::size_t columns = columns_now();
  std::size_t rows = 0;
  for (const std::size_t length : lengths_)
    rows += std::max<std::size_t>(1, (length + columns - 1) / columns);
  std::string text = "\r";
  if (rows > 1) text += "\033[" + std::to_string(rows - 1) + "A";
  write_all(STDERR_FILENO, text + "\033[J");
  lengths_.clear();
  drawn_.clear();
}

}  // namespace flame::cli
