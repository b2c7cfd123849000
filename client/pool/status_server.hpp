// A few pages over HTTP, for monitors: one loop with the rest, small requests, short patience. Nobody who is
// slow holds anything up.
#pragma once
#include <poll.h>

#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace flame::client {

struct StatusPage {
  unsigned status = 200;  // 200, 404, 503
  std::string type, body;
};

class StatusServer {
 public:
  using Pages = std::function<StatusPage(std::string_view path)>;

  // "unix:/path", "127.0.0.1:9090", "[::1]:9090", or "9090", which is 127.0.0.1:9090. Throws Error(usage,
  // system).
  explicit StatusServer(const std::string& where);
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  std::string address() const;  // with the port that was found for 0
  void step(const Pages& pages);
  void append_waits(std::vector<pollfd>& waits) const;
  Clock::time_point wake_at() const;

 private:
  struct Peer {
    UniqueFd fd;
    Clock::time_point until;
    std::string request, answer;
    bool answering = false;
  };
  void listen_unix(const std::string& path);
  void listen_tcp(const std::string& where);
  void accept_all(Clock::time_point now);
  bool over(Peer& peer, const Pages& pages);  // true: it can go

  UniqueFd fd_;
  std::string unix_path_;
  std::list<Peer> peers_;
};

}  // namespace flame::client
