// A backend process, spoken to without blocking: requests go out with ids, answers come in any order.
#pragma once
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/process.hpp"
#include "client/pool/machine.hpp"

namespace flame::client {

struct BackendAnswer {
  enum class Kind : std::uint8_t { note, done, failed };
  Kind kind = Kind::done;
  std::uint64_t id = 0;
  // note: progress for people; logs: the lines; lease: ours; connect: what to try when nobody answers
  std::string text;
  std::vector<Machine> machines;       // list: all; boot, start, stop: the one
  double boot_price_per_second = 0;    // list: of what a boot would make; 0: not told
  Address address;                     // connect
  std::vector<std::string> abilities;  // describe
  std::optional<Error> error;          // failed
};

// One line of a backend. Throws std::exception when it is not an answer (backends/PROTOCOL.md).
BackendAnswer read_backend_answer(std::string_view line);

void check_backend_name(const std::string& name);  // it becomes part of paths; throws Error(config)
// The program flame-backend-NAME: libexec/flame first, then PATH. Throws Error(config) when there is none.
std::string find_backend(const std::string& name);

class Backend {
 public:
  // Starts nothing yet; the first ask() does.
  explicit Backend(std::string path);
  // Its stdin ends, which ends it; one that stays is killed.
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Sends a request; `fields` are its members but id, verb and remaining_ms. When the deadline passes without
  // an answer the process is killed, with all that it had started. Throws Error(system) when it cannot be
  // started.
  std::uint64_t ask(std::string_view verb, const boost::json::object& fields, Deadline deadline);
  // What is there, without waiting: call it when fd() is readable or next_deadline() has passed, until it
  // gives nothing. Every ask() gets exactly one done or failed.
  std::optional<BackendAnswer> take();
  // Blocks until the answer to this one; what else comes is kept for take().
  BackendAnswer wait(std::uint64_t id);

  // To poll for reading; -1 when no process runs. May change with each call of ask() or take().
  int fd() const { return stream_.get(); }
  Deadline next_deadline() const;

 private:
  struct Pending {
    std::string verb, line;
    Deadline deadline;
  };
  void start();
  void flush();
  void receive();
  void take_line(std::string_view line);
  void ended();
  void expire();
  void fail_all(const Error& error);
  int finish(milliseconds grace);  // its wait status

  std::string path_;
  std::optional<Child> child_;
  UniqueFd stream_;
  std::string outgoing_, incoming_;
  std::map<std::uint64_t, Pending> pending_;
  std::deque<BackendAnswer> ready_;
  std::uint64_t last_id_ = 0;
  bool answered_ = false;  // this process has given an answer
};

}  // namespace flame::client
