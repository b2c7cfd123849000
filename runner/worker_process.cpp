#include "runner/worker_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>

#include "base/error.hpp"

namespace flame::runner {
namespace asio = boost::asio;
using boost::system::error_code;

WorkerProcess::WorkerProcess(asio::io_context& loop, Events events, int plugin_fd)
    : events_(std::move(events)),
      socket_(loop),
      stdout_(loop),
      stderr_(loop),
      pidfd_(loop),
      crash_(plugin_fd) {}

WorkerProcess::~WorkerProcess() {
  if (page_ != nullptr) ::munmap(page_, sizeof(worker::SharedPage));
}

std::shared_ptr<WorkerProcess> WorkerProcess::start(asio::io_context& loop, const std::string& program,
                                                    const std::string& sandbox, int plugin_fd,
                                                    const std::string& path, const std::string& load_path,
                                                    Events events) {
  std::array<int, 2> pair{}, out{}, err{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    throw system_error("cannot make a socket pair", errno);
  UniqueFd ours(pair[0]), theirs(pair[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  UniqueFd out_read(out[0]), out_write(out[1]);
  if (::pipe2(err.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  UniqueFd err_read(err[0]), err_write(err[1]);
  const UniqueFd page(static_cast<int>(::syscall(SYS_memfd_create, "flame-page", 1U /* MFD_CLOEXEC */)));
  if (!page || ::ftruncate(page.get(), sizeof(worker::SharedPage)) != 0)
    throw system_error("cannot make a shared page", errno);
  void* memory =
      ::mmap(nullptr, sizeof(worker::SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED, page.get(), 0);
  if (memory == MAP_FAILED) throw system_error("cannot map a shared page", errno);

  std::shared_ptr<WorkerProcess> self(new WorkerProcess(loop, std::move(events), plugin_fd));
  self->page_ = static_cast<worker::SharedPage*>(memory);

  SpawnPlan plan;
  plan.path = program;
  plan.arguments = {"flame-worker", "--path", path, "--sandbox", sandbox};
  if (!load_path.empty()) plan.arguments.insert(plan.arguments.end(), {"--load", load_path});
  plan.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  plan.descriptors = {{out_write.get(), 1},
                      {err_write.get(), 2},
                      {theirs.get(), worker::kWorkerSocketFd},
                      {page.get(), worker::kWorkerPageFd},
                      {plugin_fd, worker::kWorkerPluginFd}};
  if (self->crash_.record_fd() >= 0)
    plan.descriptors.emplace_back(self->crash_.record_fd(), worker::kWorkerCrashFd);
  self->nanny_ = spawn(plan);
  self->socket_.assign(asio::local::stream_protocol(), ours.release());
  set_nonblocking(out_read.get());
  set_nonblocking(err_read.get());
  self->stdout_.assign(out_read.release());
  self->stderr_.assign(err_read.release());
  self->pidfd_.assign(self->nanny_.pidfd.release());
  self->read();
  self->watch_prints(self->stdout_, "stdout");
  self->watch_prints(self->stderr_, "stderr");
  self->watch_end();
  return self;
}

void WorkerProcess::send(std::string_view frames) {
  outgoing_ += frames;
  write();
}

void WorkerProcess::write() {
  if (!sending_.empty() || outgoing_.empty() || !socket_.is_open()) return;
  sending_.swap(outgoing_);
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](error_code failed, std::size_t sent) {
                      self->sending_.clear();
                      if (failed) return;  // its end is told by the nanny
                      if (self->told_sent_) self->told_sent_(sent);
                      self->write();
                    });
}

void WorkerProcess::pause_reading(bool on) {
  paused_ = on;
  if (!on) read();
}

void WorkerProcess::read() {
  if (paused_ || reading_ || read_ended_) return;
  reading_ = true;
  char* room = reader_.prepare(wire::kPieceBytes);
  socket_.async_read_some(
      asio::buffer(room, wire::kPieceBytes), [self = shared_from_this()](error_code failed, std::size_t n) {
        self->reading_ = false;
        self->reader_.commit(failed ? 0 : n);
        bool broken = static_cast<bool>(failed);
        if (!broken) {
          self->drain_prints();  // what a call printed comes before its answer
          try {
            while (const auto frame = self->reader_.next()) {
              if (frame->type == wire::FrameType::result || frame->type == wire::FrameType::error)
                self->crash_.answered();
              self->events_.on_frame(*frame);
            }
          } catch (const Error&) {
            broken = true;  // the plugin wrote to the socket: nothing more can be believed
            self->kill();
          }
        }
        if (!broken) return self->read();
        self->read_ended_ = true;
        self->ended();
      });
}

bool WorkerProcess::read_prints(asio::posix::stream_descriptor& pipe, std::string_view level) {
  std::array<char, 16 * 1024> buffer;
  if (!pipe.is_open()) return false;
  for (;;) {
    const ssize_t n = ::read(pipe.native_handle(), buffer.data(), buffer.size());
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    if (&pipe == &stderr_) crash_.printed(text);
    events_.on_print(level, text);
  }
}

void WorkerProcess::drain_prints() {
  read_prints(stdout_, "stdout");
  read_prints(stderr_, "stderr");
}

void WorkerProcess::watch_prints(asio::posix::stream_descriptor& pipe, std::string_view level) {
  pipe.async_wait(asio::posix::stream_descriptor::wait_read,
                  [self = shared_from_this(), &pipe, level](error_code failed) {
                    if (!failed && self->read_prints(pipe, level)) self->watch_prints(pipe, level);
                  });
}

void WorkerProcess::watch_end() {
  pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](error_code failed) {
                      if (failed) return;
                      wait_child(self->nanny_);
                      self->nanny_ended_ = true;
                      self->ended();
                    });
}

// Both must have come: the socket read to its end (what was answered is done), and the nanny's report.
void WorkerProcess::ended() {
  if (told_end_ || !nanny_ended_) return;
  if (!read_ended_) return pause_reading(false);
  told_end_ = true;
  drain_prints();
  error_code ignored;
  stdout_.close(ignored);
  stderr_.close(ignored);
  socket_.close(ignored);
  WorkerEnd end{0, SIGKILL, 0, 0};  // a nanny that was killed wrote nothing
  if (page_->end.written.load() == 1)
    end = {page_->end.code, page_->end.signal, page_->end.peak_bytes, page_->end.cpu_us};
  events_.on_end(end);
}

void WorkerProcess::close_input() {
  error_code ignored;
  socket_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
}

void WorkerProcess::kill() {
  if (!nanny_ended_) ::syscall(SYS_pidfd_send_signal, pidfd_.native_handle(), SIGTERM, nullptr, 0);
}

}  // namespace flame::runner
