// Inside a Fly Machine a socket at /.fly/api speaks for the machine without a token.
#pragma once

namespace flame::runner {

// Workers run under another uid where this process is root: from then on they do not reach that socket.
void keep_machine_api_to_root() noexcept;

}  // namespace flame::runner
