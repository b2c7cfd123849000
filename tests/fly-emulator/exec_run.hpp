// One command run inside a machine by POST …/exec: its three pipes, its deadline, its result.
#pragma once
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "process.hpp"

namespace flame::fly {

class ExecRun : public std::enable_shared_from_this<ExecRun> {
 public:
  ExecRun(boost::asio::io_context& loop, std::function<void(ExecResult)> done);

  struct Ends {
    UniqueFd in, out, err;  // the command's
    std::array<int, 3> numbers() const { return {in.get(), out.get(), err.get()}; }
  };
  Ends open(std::string input);
  void expire_after(std::int64_t timeout_ms, std::function<void()> also);
  void ended(int code, int signal);
  void lost();

 private:
  using Pipe = boost::asio::posix::stream_descriptor;
  void write();
  void read(Pipe& pipe, std::string& into, std::array<char, 8192>& chunk);
  void drain(Pipe& pipe, std::string& into);
  void finish();

  static constexpr std::size_t kMostOutputBytes = 8 * 1024 * 1024;
  Pipe in_, out_, err_;
  boost::asio::steady_timer timer_;
  std::function<void(ExecResult)> done_;
  std::string input_;
  std::array<char, 8192> out_chunk_, err_chunk_;
  ExecResult result_;
};

}  // namespace flame::fly
