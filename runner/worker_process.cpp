#include "runner/worker_process.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "runner/orphans.hpp"
#include "runner/worker_command.hpp"

namespace flame::runner {
namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr milliseconds kEndGrace{1000};  // from the end of a worker's socket to its own
constexpr milliseconds kOrphansStep{1};

WorkerProcess::WorkerProcess(asio::io_context& loop, Listener& listener, int plugin_fd)
    : listener_(&listener),
      loop_(loop),
      socket_(loop),
      prints_(loop),
      pidfd_(loop),
      crash_(plugin_fd),
      again_(loop) {}

WorkerProcess::~WorkerProcess() {
  if (page_ != nullptr) ::munmap(page_, sizeof(worker::SharedPage));
}

std::shared_ptr<WorkerProcess> WorkerProcess::start(asio::io_context& loop, const Options& options,
                                                    const PluginFile& plugin, Listener& listener) {
  std::array<int, 2> pair{}, prints{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    throw system_error("cannot make a socket pair", errno);
  UniqueFd ours(pair[0]), theirs(pair[1]);
  // One pipe for stdout and stderr: what was printed stays in order.
  if (::pipe2(prints.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  UniqueFd prints_read(prints[0]), prints_write(prints[1]);
  const UniqueFd page(static_cast<int>(::syscall(SYS_memfd_create, "flame-page", 1U /* MFD_CLOEXEC */)));
  if (!page || ::ftruncate(page.get(), sizeof(worker::SharedPage)) != 0)
    throw system_error("cannot make a shared page", errno);
  void* memory =
      ::mmap(nullptr, sizeof(worker::SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED, page.get(), 0);
  if (memory == MAP_FAILED) throw system_error("cannot map a shared page", errno);

  std::shared_ptr<WorkerProcess> self(new WorkerProcess(loop, listener, plugin.fd.get()));
  self->sha256_ = plugin.sha256;
  self->page_ = static_cast<worker::SharedPage*>(memory);

  SpawnPlan plan = worker_command(options, plugin);
  plan.descriptors = {{prints_write.get(), 1},
                      {prints_write.get(), 2},
                      {theirs.get(), worker::kWorkerSocketFd},
                      {page.get(), worker::kWorkerPageFd},
                      {plugin.fd.get(), worker::kWorkerPluginFd}};
  if (self->crash_.record_fd() >= 0)
    plan.descriptors.emplace_back(self->crash_.record_fd(), worker::kWorkerCrashFd);
  self->nanny_ = spawn(plan);
  nannies().insert(self->nanny_.pid);
  self->socket_.assign(asio::local::stream_protocol(), ours.release());
  set_nonblocking(prints_read.get());
  self->prints_.assign(prints_read.release());
  self->pidfd_.assign(self->nanny_.pidfd.release());
  self->read();
  self->watch_prints();
  self->watch_end();
  return self;
}

// Many calls that are given in one turn of the loop leave together.
void WorkerProcess::flush() {
  if (std::exchange(flush_posted_, true)) return;
  asio::post(loop_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->write();
  });
}

void WorkerProcess::write() {
  if (!sending_.empty() || !socket_.is_open()) return;
  if (outgoing_.empty()) {
    error_code ignored;
    if (closing_) socket_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
    return;
  }
  sending_.swap(outgoing_);
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](error_code failed, std::size_t sent) {
                      self->sending_.clear();
                      if (failed) return;  // its end is told by the nanny
                      self->sent_bytes_ += sent;
                      if (!self->told_end_) self->listener_->passed(self->sent_bytes_);
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
  room_.resize(kReadBytes);
  socket_.async_read_some(asio::buffer(room_), [self = shared_from_this()](error_code failed, std::size_t n) {
    const bool more = !failed && self->received(n);
    self->reading_ = false;
    if (more) return self->read();
    self->read_ended_ = true;
    self->await_end();
    self->ended();
  });
}

// What was taken from the ring before comes by the socket too.
bool WorkerProcess::received(std::size_t size) {
  const std::uint64_t known = std::min<std::uint64_t>(taken_ - received_, size);
  received_ += size;
  taken_ = std::max(taken_, received_);
  return take_frames(std::string_view(room_).substr(known, size - known));
}

// The worker may write on meanwhile: what it may have written over is left for the socket.
void WorkerProcess::take_unsent() {
  constexpr std::uint64_t ring = worker::kAnswersBytes;
  if (broken_ || paused_) return;
  const std::uint64_t produced = page_->produced.load();
  if (produced <= taken_ || produced - taken_ > ring || page_->direct_end.load() > taken_) return;
  const std::size_t at = taken_ % ring;
  const std::size_t size = produced - taken_;
  std::string bytes(page_->answers + at, std::min<std::size_t>(size, ring - at));
  bytes.append(page_->answers, size - bytes.size());
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t now = page_->produced.load();
  if (now - taken_ > ring - worker::kRingFrameMaxBytes) return;
  taken_ = produced;
  take_frames(bytes);
}

// Its socket has ended. If it does not, the plugin closed what it does not know, and nothing would come any
// more.
void WorkerProcess::await_end() {
  if (nanny_ended_) return;
  again_.expires_after(kEndGrace);
  again_.async_wait([self = shared_from_this()](error_code failed) {
    if (failed || self->nanny_ended_ || self->memory_bytes() == 0) return;  // the dead have none
    self->disturbed_ = !self->killed_;
    self->kill();
  });
}

// Frames are passed on from where they lie; what is cut off at the end waits in reader_ for its rest.
bool WorkerProcess::take_frames(std::string_view bytes) {
  try {
    if (reader_.between_frames())
      while (const auto frame = wire::take_frame(bytes)) listener_->frame(*frame);
    reader_.feed(bytes);
    while (const auto frame = reader_.next()) listener_->frame(*frame);
    listener_->frames_over();
    return true;
  } catch (const Error&) {
    broken_ = disturbed_ = true;
    kill();  // the plugin wrote to the socket: nothing more can be believed
    return false;
  }
}

// A call that printed does not end before the runner has read all of it (serve.cpp), so what is in the
// pipe belongs to the one that began last. The pipe is looked at first: when it is not empty, that one
// cannot change until we have read.
bool WorkerProcess::read_prints() {
  std::array<char, 16 * 1024> buffer;
  if (!prints_.is_open()) return false;
  int waiting = 0;
  if (::ioctl(prints_.native_handle(), FIONREAD, &waiting) != 0) return false;
  const std::uint64_t call = page_->begun.load();
  const ssize_t n = ::read(prints_.native_handle(), buffer.data(),
                           std::min(buffer.size(), static_cast<std::size_t>(std::max(waiting, 1))));
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
  if (call != printed_call_) crash_.answered();
  printed_call_ = call;
  crash_.printed(text);
  listener_->printed(call, text);
  page_->prints_read.fetch_add(1);
  if (page_->prints_wanted.load() != 0)
    ::syscall(SYS_futex, &page_->prints_read, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  return true;
}

void WorkerProcess::watch_prints() {
  prints_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](error_code failed) {
                       if (!failed && !self->told_end_ && self->read_prints()) self->watch_prints();
                     });
}

// The loop may tell of a descriptor that had this number before: only the kernel's word ends the watch, and
// a wait that blocks would hold up every call of the runner.
void WorkerProcess::watch_end() {
  pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](error_code failed) {
                      if (failed) return;
                      if (::waitpid(self->nanny_.pid, nullptr, WNOHANG) == 0) return self->watch_end();
                      self->nanny_ended_ = true;
                      nannies().erase(self->nanny_.pid);
                      self->ended();
                    });
}

// Both must have come: the socket read to its end (what was answered is done), and the nanny's report.
void WorkerProcess::ended() {
  if (told_end_ || !nanny_ended_) return;
  if (!orphans_ended()) return;  // they may hold the socket open
  if (!read_ended_) return pause_reading(false);
  told_end_ = true;
  again_.cancel();
  paused_ = false;
  take_unsent();  // answered before its end
  drain_prints();
  if (printed_call_ != page_->begun.load()) crash_.answered();  // what another printed explains nothing
  error_code ignored;
  prints_.close(ignored);
  socket_.close(ignored);
  listener_->ended(how_it_ended());
}

// A nanny that was killed wrote nothing and ended nobody.
bool WorkerProcess::orphans_ended() {
  if (page_->end.written.load() == 1 || end_orphans()) return true;
  again_.expires_after(kOrphansStep);
  again_.async_wait([self = shared_from_this()](error_code failed) {
    if (!failed) self->ended();
  });
  return false;
}

WorkerEnd WorkerProcess::how_it_ended() const {
  WorkerEnd end;
  end.signal = SIGKILL;
  if (page_->end.written.load() == 1)
    end = {page_->end.code, page_->end.signal, page_->end.peak_bytes, page_->end.cpu_us};
  if (end.signal != SIGKILL) return end;
  end.disturbed = disturbed_;
  end.starved = !killed_ && starvations_.take_one();
  return end;
}

// What was printed before the end; the pipe may still be held open by who escaped the nanny.
void WorkerProcess::drain_prints() {
  for (int waiting = 0; ::ioctl(prints_.native_handle(), FIONREAD, &waiting) == 0 && waiting > 0;)
    if (!read_prints()) return;
}

void WorkerProcess::close_input() {
  closing_ = true;
  flush();
}

std::uint64_t WorkerProcess::memory_bytes() {
  constexpr std::size_t limit = 4096;
  try {
    const std::string nanny = std::to_string(nanny_.pid);
    if (statm_.empty()) {
      const std::string children = read_file("/proc/" + nanny + "/task/" + nanny + "/children", limit);
      const std::string pid = children.substr(0, children.find(' '));
      if (pid.empty()) return 0;
      statm_ = "/proc/" + pid + "/statm";
    }
    const std::string pages = read_file(statm_, limit);
    const std::size_t space = pages.find(' ');
    if (space == std::string::npos) return 0;
    return std::strtoull(pages.c_str() + space, nullptr, 10) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  } catch (const Error&) {
    return 0;  // it has just ended, or there is no /proc
  }
}

void WorkerProcess::kill() {
  killed_ = true;
  if (!nanny_ended_) ::syscall(SYS_pidfd_send_signal, pidfd_.native_handle(), SIGTERM, nullptr, 0);
}

}  // namespace flame::runner
