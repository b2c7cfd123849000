// A runner of a test's own, which ends with it, and what can be seen of it from outside.
#pragma once
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/socket_address.hpp"
#include "client/link/link.hpp"

namespace flame::stress {

struct OwnRunner {
  std::string directory, socket;
  Child child;

  OwnRunner(const std::string& program, const std::string& worker, unsigned slots) {
    char place[] = "/tmp/flame-stress-XXXXXX";
    if (::mkdtemp(place) == nullptr) throw system_error("cannot make a directory", errno);
    directory = place;
    socket = directory + "/socket";
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un at = unix_address(socket);
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listener.get(), 8) != 0)
      throw system_error("cannot listen", errno);
    SpawnPlan plan;
    plan.path = program;
    plan.arguments = {"flame-runner",
                      "--socket-fd",
                      "3",
                      "--slots",
                      std::to_string(slots),
                      "--worker",
                      worker,
                      "--sandbox",
                      "off",
                      "--store",
                      directory,
                      "--log-level",
                      "error",
                      "--idle-timeout-ms",
                      "0"};
    plan.environment = {"PATH=/usr/bin:/bin"};
    plan.descriptors = {{listener.get(), 3}, {2, 2}};
    child = spawn(plan);
  }
  ~OwnRunner() {
    ::kill(child.pid, SIGTERM);
    wait_child(child);
    ::unlink(socket.c_str());
    ::unlink((directory + "/marks").c_str());
    ::rmdir(directory.c_str());
  }
  OwnRunner(const OwnRunner&) = delete;
  OwnRunner& operator=(const OwnRunner&) = delete;

  client::Link connect() const {
    return client::Link({socket, {}, {}, {}}, Deadline::in(milliseconds(30'000)));
  }

  bool lives() const {
    siginfo_t none{};
    return ::waitid(P_PID, static_cast<id_t>(child.pid), &none, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           none.si_pid == 0;
  }
  std::string proc(const std::string& name) const {
    return "/proc/" + std::to_string(child.pid) + "/" + name;
  }
  // -1: it may not be looked at (only root may).
  int descriptors() const {
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(proc("fd").c_str()), ::closedir);
    int count = list ? -2 : -1;  // . and ..
    while (list && ::readdir(list.get()) != nullptr) ++count;
    return count;
  }
  // Nannies; each has one worker.
  int children() const {
    const std::string list = read_file(proc("task/" + std::to_string(child.pid) + "/children"), 65536);
    int count = 0;
    for (const char c : list) count += c == ' ';
    return count;
  }
  long resident_kib() const {
    const std::string status = read_file(proc("status"), 65536);
    const std::size_t at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : std::strtol(status.c_str() + at + 6, nullptr, 10);
  }
};

// The text behind `key` up to the next quote: of the runner's own JSON, which has no spaces.
inline std::string text_after(std::string_view body, std::string_view key) {
  const std::size_t at = body.find(key);
  if (at == std::string_view::npos) return "?";
  return std::string(body.substr(at + key.size(), body.find('"', at + key.size()) - at - key.size()));
}

inline void add_bind(std::string& frames, int number, const std::string& plugin,
                     const std::string& function) {
  wire::append_frame(frames, wire::FrameType::bind, 0, 0,
                     "{\"bind\":" + std::to_string(number) + ",\"function\":\"" + function +
                         "\",\"path\":\"" + plugin + "\"}");
}

inline void add_call(std::string& frames, std::uint64_t id, std::uint32_t bind, const std::string& word = {},
                     std::uint64_t timeout_ms = kUnlimitedMs) {
  std::string body;
  wire::append_call_head(body, {bind, word.empty() ? 0U : 1U, timeout_ms});
  if (!word.empty()) wire::append_argument(body, wire::ArgumentKind::word, word);
  wire::append_frame(frames, wire::FrameType::call, 0, id, body);
}

// Answers that are not what they should be: printed, and counted.
class Wrongs {
 public:
  void expect(bool right, const wire::Frame& frame, const std::string& wanted) {
    if (right) return;
    ++count_;
    std::printf("call %llu: wanted %s, got %.*s\n", static_cast<unsigned long long>(frame.call),
                wanted.c_str(), static_cast<int>(std::min<std::size_t>(frame.body.size(), 300)),
                frame.body.data());
  }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

// Waits until something can be read or written, then hands over each frame that ends a call.
inline void exchange(client::Link& link, const std::function<void(const wire::Frame&)>& ended) {
  using wire::FrameType;
  link.flush();
  pollfd at = {link.fd(), static_cast<short>(POLLIN | (link.queued_bytes() > 0 ? POLLOUT : 0)), 0};
  if (::poll(&at, 1, 60'000) == 0) throw Error(ErrorKind::timed_out, "no answer for a minute");
  while (link.receive())
    while (const auto frame = link.next_received()) {
      if (frame->type == FrameType::error && frame->call == 0)
        throw Error(ErrorKind::lost, std::string(frame->body));
      if (frame->type == FrameType::result || frame->type == FrameType::error ||
          frame->type == FrameType::busy)
        ended(*frame);
    }
}

}  // namespace flame::stress
