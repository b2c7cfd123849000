// HTTP for many threads over one libcurl multi handle: connections are reused, each request has a deadline.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backends/fly/answer.hpp"
#include "base/clock.hpp"

namespace flame::backend::fly {

struct HttpRequest {
  std::string method, url, body;
  std::vector<std::string> headers;  // "Name: value"
};

// No whole reply came. reached: the request may have arrived.
struct HttpFailure : std::exception {
  HttpFailure(bool reached_in, std::string message_in, bool hopeless_in = false)
      : reached(reached_in), hopeless(hopeless_in), message(std::move(message_in)) {}
  bool reached;
  bool answered = false;  // part of a reply came: the API is there
  bool hopeless;          // the same request will fail again: a certificate, an address that is none
  std::string message;
  const char* what() const noexcept override { return message.c_str(); }
};

// File of certificate authorities that SSL_CERT_FILE names instead of the system's; empty: none.
std::string own_authorities();

class Transport {
 public:
  Transport();
  ~Transport();  // what still waits fails
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Blocks. Any thread. Throws HttpFailure.
  HttpReply send(const HttpRequest& request, Deadline deadline);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace flame::backend::fly
