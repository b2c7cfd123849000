// What machines printed, as the log endpoint of §9 gives it.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace flame::fly {

struct LogQuery {
  std::string instance, region, next_token;
};

class Logs {
 public:
  void add(std::string_view app, std::string_view machine, std::string_view region, std::string_view message);
  // The last 100 lines, or up to 100 after next_token.
  boost::json::object show(const std::string& app, const LogQuery& query) const;

 private:
  static constexpr std::size_t kMostLines = 5000, kPage = 100, kMostLineBytes = 8192;
  struct Line {
    std::uint64_t id;
    std::int64_t when_ms;
    std::string machine, region, message;
  };
  std::map<std::string, std::deque<Line>, std::less<>> lines_;
  std::uint64_t last_ = 0;
};

}  // namespace flame::fly
