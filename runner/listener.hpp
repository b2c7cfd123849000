// Sockets that connections come from: an inherited Unix socket, numeric TCP addresses.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "runner/runner.hpp"

namespace flame::runner {

// "127.0.0.1:8080", "[::]:8080"; port 0: any. Throws Error(config).
UniqueFd listen_tcp(std::string_view address);
// The address that a socket is bound to, as listen_tcp takes it.
std::string local_address(int fd);

class Listener {
 public:
  using Taker = std::function<void(UniqueFd, const std::string& name)>;

  Listener(boost::asio::io_context& loop, UniqueFd fd, bool tcp, Taker taker);
  bool tcp() const { return tcp_; }
  void start() { wait(); }
  void close();  // those who wait in the queue are let go without an answer

 private:
  void wait();
  void accept_all();

  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer pause_;
  const bool tcp_;
  Taker taker_;
};

}  // namespace flame::runner
