#include "exec_run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/write.hpp>
#include <cerrno>

#include "base/error.hpp"

namespace flame::fly {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {
std::array<UniqueFd, 2> pipe_pair() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}
}  // namespace

ExecRun::ExecRun(asio::io_context& loop, std::function<void(ExecResult)> done)
    : in_(loop), out_(loop), err_(loop), timer_(loop), done_(std::move(done)) {}

ExecRun::Ends ExecRun::open(std::string input) {
  auto in = pipe_pair(), out = pipe_pair(), err = pipe_pair();
  for (const UniqueFd* ours : {&in[1], &out[0], &err[0]}) set_nonblocking(ours->get());
  in_.assign(in[1].release());
  out_.assign(out[0].release());
  err_.assign(err[0].release());
  input_ = std::move(input);
  write();
  read(out_, result_.out, out_chunk_);
  read(err_, result_.err, err_chunk_);
  return {std::move(in[0]), std::move(out[1]), std::move(err[1])};
}

void ExecRun::write() {
  asio::async_write(in_, asio::buffer(input_), [self = shared_from_this()](error_code, std::size_t) {
    error_code ignored;
    self->in_.close(ignored);
  });
}

void ExecRun::read(Pipe& pipe, std::string& into, std::array<char, 8192>& chunk) {
  pipe.async_read_some(asio::buffer(chunk), [this, self = shared_from_this(), &pipe, &into, &chunk](
                                                error_code failed, std::size_t size) {
    if (failed || !done_) return;
    if (into.size() < kMostOutputBytes) into.append(chunk.data(), size);
    read(pipe, into, chunk);
  });
}

void ExecRun::drain(Pipe& pipe, std::string& into) {
  std::array<char, 8192> chunk;
  for (ssize_t size; (size = ::read(pipe.native_handle(), chunk.data(), chunk.size())) > 0;)
    if (into.size() < kMostOutputBytes) into.append(chunk.data(), static_cast<std::size_t>(size));
}

void ExecRun::expire_after(std::int64_t timeout_ms, std::function<void()> also) {
  timer_.expires_after(std::chrono::milliseconds(timeout_ms));
  timer_.async_wait([self = shared_from_this(), also = std::move(also)](error_code failed) {
    if (failed || !self->done_) return;
    also();
    self->result_.expired = true;
    self->finish();
  });
}

// A child of the command may hold the pipes for ever: what has come by now is the output.
void ExecRun::ended(int code, int signal) {
  result_.code = code;
  result_.signal = signal;
  if (!done_) return;
  drain(out_, result_.out);
  drain(err_, result_.err);
  finish();
}

void ExecRun::lost() {
  result_.lost = true;
  if (done_) finish();
}

void ExecRun::finish() {
  const auto done = std::exchange(done_, nullptr);
  timer_.cancel();
  error_code ignored;
  for (Pipe* pipe : {&in_, &out_, &err_}) pipe->close(ignored);
  done(std::move(result_));
}

}  // namespace flame::fly
