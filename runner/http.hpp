// Plain HTTP beside the links, for curl and load balancers: what there is, in one table (PROTOCOL.md §7).
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "runner/runner.hpp"

namespace flame::runner {

struct HttpRequest {
  std::string method, path, query;
  std::string rest;  // what stands where the route's path has its '*'
  std::string body;  // whole, for routes that collect it
};

struct HttpResponse {
  unsigned status = 200;
  std::string body, type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields = {};
};

// One request and its one answer, which may come later.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const HttpRequest& request() const = 0;
  virtual void answer(HttpResponse response) = 0;
  virtual void on_gone(std::function<void()> told) = 0;  // the client hung up before it was answered
};
using ExchangePtr = std::shared_ptr<Exchange>;

// Takes a body as it comes, for routes that do not want it in memory. Destroyed without finish() when the
// client goes away in the middle.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Throws Error: it is the answer, and the rest is not read.
  virtual void write(std::string_view piece) = 0;
  // All has come: answers, now or later.
  virtual void finish(const ExchangePtr& exchange) = 0;
};

struct Route {
  std::string_view method, path;  // a path that ends in '*' takes one more segment there
  enum class Access { anyone, trusted } access;
  std::uint64_t body_max_bytes;
  void (*handle)(Runner&, const ExchangePtr&);                                    // after the whole body, or
  std::unique_ptr<BodySink> (*open_body)(Runner&, const HttpRequest&) = nullptr;  // with it
};

std::span<const Route> routes();

// Nothing of that path: both empty. The path, but not the method: `allow` says which. HEAD is GET without a
// body.
struct Found {
  const Route* route = nullptr;
  std::string allow;
};
Found find_route(HttpRequest& request);

unsigned status_of(ErrorKind kind);
HttpResponse problem(const Error& error);
// From the JSON of PROTOCOL.md §6, as a worker or the scheduler made it.
HttpResponse problem_json(std::string_view error_json);

}  // namespace flame::runner
