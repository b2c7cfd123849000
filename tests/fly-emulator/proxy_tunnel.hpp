// One client of the proxy, from its request to the end of the reply.
#pragma once
#include <boost/asio/ip/tcp.hpp>

#include "proxy.hpp"

namespace boost::asio::ssl {
class context;
}

namespace flame::fly {

// tls: null for plain http. It owns itself until it has ended.
void start_tunnel(Proxy& proxy, boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);

}  // namespace flame::fly
