// One request being answered: what came, who asked, what it is about, and the way back.
#pragma once
#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "errors.hpp"
#include "http.hpp"
#include "world.hpp"

namespace flame::fly {

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(World& world_in, Request request_in, Answer answer);

  World& world;
  Request request;
  std::optional<Token> token;
  App* app = nullptr;                                          // where the path names one; found and allowed
  MachinePtr machine;                                          // the same
  std::map<std::string, std::string, std::less<>> parameters;  // of the path
  std::string action;
  JournalEntry entry;

  void reply(unsigned status, const boost::json::value& body);
  void reply_text(unsigned status, std::string content_type, std::string body);
  void reply_empty(unsigned status) { send(status, "", ""); }
  void fail(const ApiError& error);
  void header(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
  }
  void changed(std::string what) { entry.changed.push_back(std::move(what)); }

  FaultPlace place() const;
  const Fault* strike(std::string_view kind);  // here and now; noted in the journal

  // The body as an object; empty when there is none. Throws ApiError(400).
  boost::json::object body_object() const;
  // Throws ApiError(409) when the machine is leased and the nonce is not its.
  void check_lease() const;

 private:
  void send(unsigned status, std::string content_type, std::string body);
  Answer answer_;
  std::vector<std::pair<std::string, std::string>> headers_;
};
using ExchangePtr = std::shared_ptr<Exchange>;

}  // namespace flame::fly
