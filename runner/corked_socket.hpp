// A socket that can hold writes back and let them leave with the next one, as its front: the answer to a
// link's upgrade and the hello behind it go as one piece, and wake the client once. What Beast asks of the
// stream below a WebSocket.
#pragma once
#include <boost/asio/compose.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <string>
#include <utility>

#include "runner/runner.hpp"

namespace flame::runner {

class CorkedSocket {
 public:
  using executor_type = Socket::executor_type;
  using error_code = boost::system::error_code;

  explicit CorkedSocket(Socket socket) : socket_(std::move(socket)) {}
  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }

  void cork() { corked_ = true; }     // what is written from now on is kept, and said to be written
  void uncork() { corked_ = false; }  // the next write takes it along

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    socket_.async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!corked_ && kept_.empty()) return socket_.async_write_some(buffers, std::forward<Handler>(handler));
    const std::size_t size = boost::asio::buffer_size(buffers), front = kept_.size();
    kept_.resize(front + size);
    boost::asio::buffer_copy(boost::asio::buffer(kept_) + front, buffers);
    boost::asio::async_compose<Handler, void(error_code, std::size_t)>(
        [this, size, begun = false](auto& self, error_code failed = {}, std::size_t = 0) mutable {
          if (std::exchange(begun, true)) {
            if (!corked_) kept_.clear();
            return self.complete(failed, failed ? 0 : size);
          }
          if (corked_) return boost::asio::post(get_executor(), std::move(self));
          boost::asio::async_write(socket_, boost::asio::buffer(kept_), std::move(self));
        },
        handler, socket_);
  }

 private:
  Socket socket_;
  std::string kept_;
  bool corked_ = false;
};

// How a WebSocket over it ends: as over the socket.
inline void teardown(boost::beast::role_type role, CorkedSocket& corked, boost::system::error_code& failed) {
  boost::beast::websocket::teardown(role, corked.socket(), failed);
}

template <class Handler>
void async_teardown(boost::beast::role_type role, CorkedSocket& corked, Handler&& handler) {
  boost::beast::websocket::async_teardown(role, corked.socket(), std::forward<Handler>(handler));
}

inline void beast_close_socket(CorkedSocket& corked) {
  boost::system::error_code ignored;
  corked.socket().close(ignored);
}

}  // namespace flame::runner
