// The least code that does what `flame map` does on this computer: lines in, results in order out, two kept
// worker processes on socket pairs, 256 tiny calls or 2 slow ones ahead of each. No protocol, no checks, no
// runner between.
//   map_floor add|cpu_ms|sleep_ms|echo [WORKERS] <items
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool read_more(int fd, std::string& text) {
  char buffer[65536];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
  return n > 0;
}

void write_out(int fd, std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(fd, text.data() + at, text.size() - at);
    if (n <= 0) _exit(1);
    at += static_cast<std::size_t>(n);
  }
  text.clear();
}

void answer(const std::string& function, std::string_view item, std::string& out) {
  char number[40];
  if (function == "echo") {
    out += item;
    out += '\n';
    return;
  }
  double value = 0;
  std::from_chars(item.data(), item.data() + item.size(), value);
  if (function == "add") value += 1;
  if (function == "sleep_ms") usleep(static_cast<useconds_t>(value * 1000));
  if (function == "cpu_ms")
    for (const double until = cpu_now() + value / 1e3; cpu_now() < until;) continue;
  const auto end = std::to_chars(number, number + sizeof number, value).ptr;
  out.append(number, static_cast<std::size_t>(end - number));
  out += '\n';
}

[[noreturn]] void work(int fd, const std::string& function) {
  std::string in, out;
  const bool tiny = function == "add";
  while (read_more(fd, in)) {
    std::size_t from = 0;
    for (std::size_t end; (end = in.find('\n', from)) != std::string::npos; from = end + 1) {
      answer(function, std::string_view(in).substr(from, end - from), out);
      if (!tiny) write_out(fd, out);
    }
    in.erase(0, from);
    write_out(fd, out);
  }
  _exit(0);
}

struct Worker {
  int fd;
  std::string in, out;
  std::deque<std::size_t> sent;  // numbers of items, in order
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string function = argv[1];
  const int count = argc > 2 ? std::atoi(argv[2]) : 2;
  const std::size_t ahead = function == "add" ? 256 : 2;
  std::vector<Worker> workers;
  for (int i = 0; i < count; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return 1;
    if (fork() == 0) {
      close(pair[0]);
      for (const Worker& other : workers) close(other.fd);
      work(pair[1], function);
    }
    close(pair[1]);
    workers.push_back({pair[0], {}, {}, {}});
  }
  std::string input, output;
  std::size_t input_at = 0;
  bool ended = false;
  std::deque<std::string> window;  // results, from the first that is not printed
  std::deque<bool> ready;
  std::size_t first = 0, next = 0;
  const auto item = [&](std::string_view& text) {
    for (;;) {
      const std::size_t end = input.find('\n', input_at);
      if (end != std::string::npos) {
        text = std::string_view(input).substr(input_at, end - input_at + 1);
        input_at = end + 1;
        return true;
      }
      if (ended) return false;
      input.erase(0, input_at);
      input_at = 0;
      ended = !read_more(0, input);
    }
  };
  for (;;) {
    for (Worker& worker : workers) {
      std::string_view text;
      if (worker.sent.size() > ahead / 2) continue;
      while (worker.sent.size() < ahead && item(text)) {
        worker.out += text;
        worker.sent.push_back(next++);
        window.emplace_back();
        ready.push_back(false);
      }
      write_out(worker.fd, worker.out);
    }
    if (first == next) break;
    std::vector<pollfd> waits;
    for (const Worker& worker : workers) waits.push_back({worker.fd, POLLIN, 0});
    poll(waits.data(), waits.size(), -1);
    for (std::size_t i = 0; i < workers.size(); ++i) {
      Worker& worker = workers[i];
      if (waits[i].revents == 0 || !read_more(worker.fd, worker.in)) continue;
      std::size_t from = 0;
      for (std::size_t end; (end = worker.in.find('\n', from)) != std::string::npos; from = end + 1) {
        const std::size_t at = worker.sent.front() - first;
        worker.sent.pop_front();
        window[at].assign(worker.in, from, end - from + 1);
        ready[at] = true;
      }
      worker.in.erase(0, from);
    }
    for (; !ready.empty() && ready.front(); ++first) {
      output += window.front();
      window.pop_front();
      ready.pop_front();
    }
    write_out(1, output);
  }
  return 0;
}
