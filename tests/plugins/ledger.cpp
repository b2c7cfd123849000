// Functions that tell a ledger when they run: tests/chaos counts there what ran, and how often.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <flame/plugin.hpp>
#include <string>
#include <thread>

namespace {

bool tell(std::uint16_t port, const std::string& line) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char written = 0;
  const bool done = fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
                    ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()) &&
                    ::read(fd, &written, 1) == 1;
  if (fd >= 0) ::close(fd);
  return done;
}

// Returns once the ledger at that port of this computer has written the id down. A machine that is suspended
// and resumed loses its connections: the ledger knows by the first word what it has been told already.
void enter(std::uint16_t port, const std::string& id) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::string line = std::to_string(::getpid()) + "." + std::to_string(now) + " " + id + "\n";
  for (int tries = 0; tries < 5; ++tries)
    if (tell(port, line)) return;
  throw flame::error(1, "the ledger cannot be reached");
}

std::string once(std::uint16_t port, std::uint32_t ms, const std::string& id) {
  enter(port, id);
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return id;
}

// The same, for whoever may run it again.
std::string again(std::uint16_t port, std::uint32_t ms, const std::string& id) { return once(port, ms, id); }

// Dies of every id that ends with 3.
std::string dies_of_3(std::uint16_t port, std::uint32_t ms, const std::string& id) {
  once(port, ms, id);
  if (id.back() == '3') ::raise(SIGSEGV);
  return id;
}

}  // namespace

FLAME_PLUGIN("ledger", "1.0", flame::function("once", once, "port", "ms", "id"),
             flame::function("again", again, "port", "ms", "id").idempotent(),
             flame::function("dies_of_3", dies_of_3, "port", "ms", "id"))
