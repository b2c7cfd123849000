// The user's runtime directory: sockets, locks and hints live there.
#pragma once
#include <string>

namespace flame::client {

// $XDG_RUNTIME_DIR/flame or /tmp/flame-UID; made if it is not there. Throws Error(config) when it is not a
// directory that is this user's alone.
std::string runtime_dir();

}  // namespace flame::client
