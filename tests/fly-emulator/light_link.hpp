// A light machine's end of a flame link (wire/PROTOCOL.md): it says hello, proves its token, and runs
// nothing. Written from the specification, not with our own codecs: what is tested must not test itself.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "http.hpp"

namespace flame::fly {

struct LightIdentity {
  std::string name, token;
};

class LightLink;

// Takes over a connection that asked for /v1/link. While *asleep holds it says nothing.
std::shared_ptr<LightLink> start_light_link(boost::asio::ip::tcp::socket socket, const Request& request,
                                            const LightIdentity& identity, std::shared_ptr<bool> asleep);
void cut_light_link(LightLink& link);

}  // namespace flame::fly
