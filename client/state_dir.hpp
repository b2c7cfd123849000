// Where what flame remembers for its user lies.
#pragma once
#include <string>

namespace flame::client {

// The path of PART there, whether it is or not; "" when there is no home.
std::string state_path(const std::string& part);
// The same as a directory: XDG_STATE_HOME/flame/PART, else ~/.local/state/flame/PART, made where it lacks; ""
// when there is no home, or it cannot be made.
std::string state_dir(const std::string& part);

}  // namespace flame::client
