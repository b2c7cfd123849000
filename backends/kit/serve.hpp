// A backend's request loop: lines of JSON in, lines of JSON out (backends/PROTOCOL.md).
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace flame::backend {

struct Request {
  boost::json::value id;
  std::string verb, pool, name, generation, guest;
  std::string runtime_dir;  // absolute, the user's alone
  boost::json::object settings;
  std::uint64_t lines = 0;
  std::string lease, holder;  // lease, release
  std::uint64_t ttl_ms = 0;
  bool all = false;         // list: of all pools
  std::string had_address;  // connect: that it had when it was ready, "host:port"
  bool was_ready = false;   // connect: its hello has come before
  bool dry_run = false;     // nothing is to change: what would be asked is noted
  Deadline deadline;

  // Throw Error(protocol) that names the key.
  std::string text_setting(std::string_view key) const;
  std::uint64_t number_setting(std::string_view key) const;
};

struct Verb {
  std::string_view name;
  std::function<boost::json::object(const Request&)> answer;  // the members of "ok"; or throws Error
};

// An error whose code is "name_taken": a machine of that name exists.
class NameTaken : public std::exception {
 public:
  explicit NameTaken(std::string message_in) : message(std::move(message_in)) {}
  std::string message;
};

// An Error's type that stands for its kind as code: what was made or started was well and has left.
inline constexpr const char* kHasLeft = "has_left";

// threads: each request has a thread of its own, and a verb's function may run several times at once.
enum class Concurrency { one_by_one, threads };

// The answer to one line, as an object; never throws for what the line holds.
boost::json::object answer_line(const std::string& backend, const std::vector<Verb>& verbs,
                                std::string_view line);

// Answers requests until stdin ends and all are answered. Returns the exit status.
int serve(const std::string& backend, const std::vector<Verb>& verbs,
          Concurrency concurrency = Concurrency::one_by_one);
// Progress for people, before the answer to this request. [any thread]
void note(const Request& request, std::string_view text);

}  // namespace flame::backend
