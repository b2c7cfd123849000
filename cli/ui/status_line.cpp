#include "cli/ui/status_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace flame::cli {
namespace {

constexpr milliseconds kBetween{50};  // more often nobody can read

bool set(const char* name, std::string_view value = {}) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != 0 && (value.empty() || value == text);
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80U;
}

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.15g", value);
  return buffer;
}

std::string text_of(const client::CallProgress& progress) {
  std::string out = number(progress.done);
  if (progress.total && *progress.total > 0) {
    const double percent = std::clamp(100 * progress.done / *progress.total, 0.0, 100.0);
    out += " of " + number(*progress.total) + " (" + number(std::floor(percent)) + " %)";
  }
  if (!progress.note.empty()) out += "  " + printable(progress.note);
  return out;
}

// Whole characters of at most this many bytes: a line that wraps cannot be erased.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
  return text;
}

}  // namespace

bool StatusLine::wanted() {
  if (terminal_ < 0)
    terminal_ = !quiet_ && ::isatty(STDERR_FILENO) == 1 && !set("NO_COLOR") && !set("TERM", "dumb");
  return terminal_ == 1;
}

void StatusLine::show(const client::CallProgress& progress) {
  if (!wanted()) return;
  const auto now = Clock::now();
  if (shown_ && now - last_ < kBetween) return;
  last_ = now;
  draw(text_of(progress));
}

void StatusLine::say(std::string_view text) {
  if (wanted()) draw(printable(text));
}

void StatusLine::draw(std::string_view text) {
  shown_ = true;
  write_all(STDERR_FILENO, "\r\x1b[K" + cut(std::string(text), terminal_width() - 1));
}

void StatusLine::clear() {
  if (shown_) write_all(STDERR_FILENO, "\r\x1b[K");
  shown_ = false;
}

}  // namespace flame::cli
