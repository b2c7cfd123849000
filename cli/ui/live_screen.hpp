// A terminal's screen that is drawn again and again, and given back as it was.
#pragma once
#include <termios.h>

#include <optional>
#include <string>
#include <vector>

namespace flame::cli {

// stdout is a terminal that can move its cursor.
bool can_draw_live();

class LiveScreen {
 public:
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Lines are cut to the screen's width, and those that have no room are left out.
  void draw(const std::vector<std::string>& lines);
  bool key_pressed(char key);  // takes what was typed
  bool resized();              // since it was asked last
  int key_fd() const;          // to poll; -1: stdin is no terminal

 private:
  std::optional<termios> before_;
};

}  // namespace flame::cli
