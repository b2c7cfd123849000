// The listening side of the API: connections, limits on what a client may send and how slowly.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "http.hpp"

namespace flame::fly {

class HttpServer {
 public:
  using Handler = std::function<void(Request, Answer)>;
  HttpServer(boost::asio::io_context& loop, Handler handler);
  ~HttpServer();

  // Requests that ask for an upgrade go there, with their connection; else they are requests like others.
  using Upgrade = std::function<void(Request, boost::asio::ip::tcp::socket)>;
  void on_upgrade(Upgrade upgrade);

  // May be called for several addresses; port 0 takes a free one. Returns the port. Throws Error(system).
  std::uint16_t listen(const std::string& address, std::uint16_t port);
  // While refusing, nobody listens.
  void refuse(bool on);
  void close();

 private:
  struct Handlers;
  struct Listener;
  boost::asio::io_context& loop_;
  std::shared_ptr<Handlers> handlers_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace flame::fly
