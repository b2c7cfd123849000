#include "cli/ui/live_screen.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/fd.hpp"

namespace flame::cli {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l", kLeave = "\x1b[?25h\x1b[?1049l";

struct Size {
  std::size_t columns = 80, rows = 24;
};

Size size_now() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

// As many characters as fit, each one column wide: what is drawn here is ASCII or shown as such, but for
// names.
std::string_view cut(std::string_view line, std::size_t columns) {
  std::size_t width = 0, at = 0;
  for (; at < line.size(); ++at)
    if ((static_cast<unsigned char>(line[at]) & 0xC0) != 0x80 && ++width > columns) break;
  return line.substr(0, at);
}

volatile sig_atomic_t was_resized = 0;
void on_resize(int) { was_resized = 1; }  // and a poll comes back

}  // namespace

bool can_draw_live() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

LiveScreen::LiveScreen() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) == 0) {
    before_ = now;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_cc[VSUSP] = _POSIX_VDISABLE;  // a stop would leave the screen to the shell
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  struct sigaction action {};
  action.sa_handler = on_resize;
  ::sigaction(SIGWINCH, &action, nullptr);
  write_all(STDOUT_FILENO, kEnter);
}

LiveScreen::~LiveScreen() {
  write_all(STDOUT_FILENO, kLeave);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

int LiveScreen::key_fd() const { return before_ ? STDIN_FILENO : -1; }

bool LiveScreen::key_pressed(char key) {
  if (!before_) return false;
  std::array<char, 64> keys;
  const ssize_t n = ::read(STDIN_FILENO, keys.data(), keys.size());
  return n > 0 &&
         std::string_view(keys.data(), static_cast<std::size_t>(n)).find(key) != std::string_view::npos;
}

bool LiveScreen::resized() {
  const bool out = was_resized != 0;
  was_resized = 0;
  return out;
}

void LiveScreen::draw(const std::vector<std::string>& lines) {
  const Size size = size_now();
  std::string out = "\x1b[H";
  for (std::size_t row = 0; row < lines.size() && row < size.rows; ++row) {
    if (row > 0) out += "\r\n";
    out.append(cut(lines[row], size.columns)).append("\x1b[K");
  }
  write_all(STDOUT_FILENO, out + "\x1b[J");
}

}  // namespace flame::cli
