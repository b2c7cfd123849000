// The least that a warm call can cost: a client without any library sends one frame over a Unix socket to a
// daemon, which hands it to a worker process that it keeps, and prints the answer.
//   floor serve SOCKET     the daemon with its worker; ends with its parent's stdin
//   floor call SOCKET A B  one call, whole process
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

struct Request {
  double a, b;
};

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(static_cast<char*>(address.sun_path), path, sizeof address.sun_path - 1);
  return address;
}

bool whole(ssize_t moved, std::size_t size) { return moved == static_cast<ssize_t>(size); }

int call(const char* path, const char* a, const char* b) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = address_of(path);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
  const Request request{std::strtod(a, nullptr), std::strtod(b, nullptr)};
  double sum = 0;
  if (!whole(::write(fd, &request, sizeof request), sizeof request)) return 1;
  if (!whole(::read(fd, &sum, sizeof sum), sizeof sum)) return 1;
  std::array<char, 32> text{};
  char* end = std::to_chars(text.data(), text.data() + text.size(), sum).ptr;
  *end++ = '\n';
  const auto size = static_cast<std::size_t>(end - text.data());
  return whole(::write(1, text.data(), size), size) ? 0 : 1;
}

[[noreturn]] void work(int fd) {
  for (Request request{}; whole(::read(fd, &request, sizeof request), sizeof request);) {
    const double sum = request.a + request.b;
    if (!whole(::write(fd, &sum, sizeof sum), sizeof sum)) break;
  }
  ::_exit(0);
}

int serve(const char* path) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0) return 1;
  if (::fork() == 0) {
    ::close(pair[0]);
    work(pair[1]);
  }
  ::close(pair[1]);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = address_of(path);
  ::unlink(path);
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening, 64) != 0)
    return 1;
  std::array<pollfd, 2> wait{{{listening, POLLIN, 0}, {0, POLLIN, 0}}};
  while (::poll(wait.data(), wait.size(), -1) > 0 && wait[1].revents == 0) {
    const int fd = ::accept(listening, nullptr, nullptr);
    Request request{};
    double sum = 0;
    if (whole(::read(fd, &request, sizeof request), sizeof request) &&
        whole(::write(pair[0], &request, sizeof request), sizeof request) &&
        whole(::read(pair[0], &sum, sizeof sum), sizeof sum))
      (void)!::write(fd, &sum, sizeof sum);
    ::close(fd);
  }
  ::unlink(path);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 3) return serve(argv[2]);
  if (mode == "call" && argc == 5) return call(argv[2], argv[3], argv[4]);
  return 2;
}
