// What a user is told once in a lifetime.
#pragma once
#include <string>

namespace flame::cli {

// On stderr, unless a file of this name in $XDG_STATE_HOME/flame/told says that it was; then leaves that
// file. Nothing when text is empty.
void say_once(const char* name, const std::string& text);

}  // namespace flame::cli
