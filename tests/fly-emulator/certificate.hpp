// A throw-away authority and a certificate of it, made anew at each start, for the proxy's TLS port.
#pragma once
#include <string>

namespace flame::fly {

struct Certificate {
  std::string authority_pem;  // for clients to trust
  std::string chain_pem, key_pem;
};
// For *.fly.dev, *.flycast, localhost and 127.0.0.1. Throws Error(internal).
Certificate make_certificate();

}  // namespace flame::fly
