// A request and its reply, without the library that carries them.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flame::fly {

struct Request {
  std::string method, target, path;
  std::vector<std::string> segments;                        // of the path, decoded
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string body;

  std::string header(std::string_view name) const;
  std::optional<std::string> parameter(std::string_view name) const;
  std::vector<std::string> parameters(std::string_view name) const;
  bool has_flag(std::string_view name) const { return parameter(name) == "true" || parameter(name) == "1"; }
};

// Fills path, segments and query from target.
void split_target(Request& request);

enum class Delivery : std::uint8_t { whole, lost, cut };

struct Reply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  Delivery delivery = Delivery::whole;
  std::int64_t delay_ms = 0;
};
using Answer = std::function<void(Reply)>;

}  // namespace flame::fly
