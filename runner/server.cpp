#include "runner/server.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <filesystem>
#include <list>

#include "runner/http_connection.hpp"
#include "runner/listener.hpp"
#include "runner/log.hpp"
#include "runner/runner.hpp"
#include "runner/worker/sandbox.hpp"
#include "wire/held_path.hpp"

namespace flame::runner {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr milliseconds kGoodbye{2000};  // for closing handshakes and workers' ends

// What waits in a loop refers to the runner; it is let go while there is one.
struct Loop final : asio::io_context {
  using io_context::io_context;
  using io_context::shutdown;
};

class Server final : public Lifetime::Duties {
 public:
  explicit Server(const Options& options, std::string token)
      : options_(options), runner_(loop_, options_, std::move(token), *this), goodbye_(loop_) {}
  ~Server() { loop_.shutdown(); }

  void run() {
    listen();
    runner_.scheduler.on_idle([this] {
      runner_.idle_since = Clock::now();
      runner_.lifetime.active();
      runner_.lifetime.settle();
      stop_when_alone();
    });
    runner_.held.on_less = runner_.sessions.on_less = [this] {
      runner_.lifetime.active();
      // Not from inside what was just fetched, or is being told of its end.
      asio::post(runner_.loop, [this] { runner_.lifetime.settle(); });
    };
    runner_.on_link_end = [this] { link_ended(); };
    if (const auto uid = worker_uid_of(options_))
      log(LogLevel::info, "workers_run_as", {{"uid", std::uint64_t{*uid}}});
    for (Listener& listener : listeners_) listener.start();
    runner_.lifetime.start();
    loop_.run();
    log(LogLevel::info, "gone", {{"calls", runner_.scheduler.calls_done()}});
  }

  bool in_flight() const override {
    return !runner_.scheduler.idle() || runner_.exchanges > 0 || runner_.held.unfetched() > 0 ||
           runner_.sessions.in_flight();
  }

  void begin_drain() override {
    if (runner_.lifetime.path_is_ours()) hide_path();
    const auto links = runner_.links;
    for (OpenLink* link : links) link->tell_draining();
    runner_.sessions.tell_draining();
  }

  void cut() override {
    runner_.scheduler.cancel_all();
    runner_.held.let_go();
    runner_.sessions.let_go();
  }

  // Whoever waits in a listener's queue is let go before a hello: for a client that is safe to repeat.
  void leave() override {
    for (Listener& listener : listeners_) listener.close();
    if (!hidden_path_.empty()) ::unlink(hidden_path_.c_str());
    const auto links = runner_.links;
    for (OpenLink* link : links) link->leave();
    runner_.scheduler.end_workers();
    goodbye_.expires_after(kGoodbye);
    goodbye_.async_wait([this](error_code failed) {
      if (!failed) loop_.stop();
    });
    stop_when_alone();
  }

 private:
  void listen() {
    const auto taker = [this](bool tcp) {
      return [this, tcp](UniqueFd fd, const std::string& name) { take(std::move(fd), tcp, name); };
    };
    if (options_.socket_fd >= 0) {
      listeners_.emplace_back(loop_, UniqueFd(options_.socket_fd), false, taker(false));
      log(LogLevel::info, "listening", {{"unix", options_.socket_path}});
    }
    for (const std::string& address : options_.listen) {
      UniqueFd fd = listen_tcp(address);
      log(LogLevel::info, "listening", {{"tcp", local_address(fd.get())}});
      listeners_.emplace_back(loop_, std::move(fd), true, taker(true));
    }
  }

  void take(UniqueFd fd, bool tcp, const std::string& name) {
    if (!tcp && !uid_is_ours(fd.get())) return;
    if (runner_.connections >= options_.max_connections) return turn_away(fd.get());
    const int family = tcp ? AF_INET : AF_UNIX;
    Peer peer{Socket(loop_), tcp, name, nullptr};
    peer.socket.assign(asio::generic::stream_protocol(family, 0), fd.release());
    ++runner_.connections;
    peer.counted = std::shared_ptr<void>(nullptr, [this](void*) { --runner_.connections; });
    runner_.lifetime.active();
    open_http(runner_, std::move(peer));
  }

  bool uid_is_ours(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == ::geteuid() || peer.uid == 0))
      return true;
    ++runner_.counters.refused;
    log(LogLevel::warning, "uid_refused", {{"uid", std::uint64_t{peer.uid}}});
    return false;
  }

  void turn_away(int fd) {
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: "
        "0\r\n\r\n";
    log(LogLevel::warning, "too_many_connections", {{"limit", std::uint64_t{options_.max_connections}}});
    (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
  }

  // Nobody new should find us; only those whose detached calls we hold, who know where to look.
  void hide_path() {
    const std::size_t held = runner_.held.unfetched();
    hidden_path_ = wire::held_socket_path(options_.socket_path);
    if (held > 0 && ::rename(options_.socket_path.c_str(), hidden_path_.c_str()) == 0)
      return log(LogLevel::info, "holding",
                 {{"detached_calls", std::uint64_t{held}}, {"unix", hidden_path_}});
    hidden_path_.clear();
    ::unlink(options_.socket_path.c_str());
  }

  void link_ended() {
    if (runner_.links.empty() && !runner_.sessions.in_flight() && options_.exit_with_clients)
      runner_.lifetime.drain("no clients");
    stop_when_alone();
  }

  void stop_when_alone() {
    if (runner_.lifetime.state() != Lifetime::State::leaving) return;
    if (runner_.links.empty() && runner_.scheduler.workers() == 0) loop_.stop();
  }

  Options options_;
  Loop loop_{1};
  Runner runner_;
  std::list<Listener> listeners_;
  asio::steady_timer goodbye_;
  std::string hidden_path_;  // where we still listen while we drain; empty: nowhere
};

// What the kernel has of a strict sandbox; said once, since workers do without the rest.
void prepare_sandbox(Options& options) {
  if (options.sandbox != "strict") return;
  for (const std::string& directory : options.plugin_dirs) options.sandbox += ":" + directory;
  const worker::SandboxFeatures features = worker::sandbox_features();
  const bool whole = features.landlock_abi > 0 && features.seccomp;
  log(whole ? LogLevel::info : LogLevel::warning, "sandbox",
      {{"wanted", "strict"},
       {"landlock_abi", static_cast<std::uint64_t>(features.landlock_abi)},
       {"seccomp", features.seccomp},
       {"whole", whole}});
}

// A plugin's bugs are not root's.
void check_worker_uid(const Options& options) {
  if (options.worker_uid.value_or(0) != 0 && ::geteuid() != 0)
    throw Error(ErrorKind::config, "only root can run workers as another user",
                "leave --worker-uid out: they run as the runner's own user");
}

// One descriptor a connection, and a few for each worker: as many as the machine allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void serve(Options options) {
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);                 // workers of another user read what the store holds
  ::prctl(PR_SET_DUMPABLE, 0);  // nobody of our uid reads the token out of us
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  set_log_level(options.log_level);
  std::string token = take_token(options);
  check_worker_uid(options);
  raise_descriptor_limit();
  prepare_sandbox(options);
  Server(options, std::move(token)).run();
  std::error_code ignored;
  if (!options.own_directory.empty()) std::filesystem::remove_all(options.own_directory, ignored);
}

}  // namespace flame::runner
