#include "real_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <map>

#include "base/error.hpp"
#include "base/process.hpp"
#include "exec_run.hpp"
#include "guest_processes.hpp"
#include "process_list.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;
namespace {

std::array<UniqueFd, 2> control_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw system_error("cannot make a socket pair", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd plan_file(const ProcessPlan& plan, Isolation isolation) {
  UniqueFd fd(::memfd_create("machine-plan", MFD_CLOEXEC));
  const std::string text = json::serialize(plan_json(plan, isolation));
  if (!fd || !write_all(fd.get(), text) || ::lseek(fd.get(), 0, SEEK_SET) != 0)
    throw system_error("cannot write the machine's plan", errno);
  return fd;
}

ExitInfo exit_info(int status, bool oom) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status), oom};
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 1, 0, oom};
}

class RealProcess : public MachineProcess {
 public:
  // What outlives the handle while handlers are pending.
  struct Core : std::enable_shared_from_this<Core> {
    Core(asio::io_context& loop_in, ProcessEvents events_in)
        : loop(loop_in), control(loop_in), output(loop_in), ended(loop_in), events(std::move(events_in)) {}

    void watch() {
      listen();
      read_output();
      ended.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](error_code failed) {
                         if (!failed) self->gone();
                       });
    }

    void listen() {
      control.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](error_code failed) {
                           if (!failed && self->take_messages()) self->listen();
                         });
    }

    // False at the end of the socket.
    bool take_messages() {
      std::array<char, 4096> buffer;
      for (;;) {
        const ssize_t size = ::recv(control.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) return false;
        const auto keep = shared_from_this();
        take(json::parse({buffer.data(), static_cast<std::size_t>(size)}).as_object());
        if (dead) return false;
      }
    }

    void take(const json::object& message) {
      if (message.contains("up")) {
        events.up();
      } else if (message.contains("failed")) {
        exit = ExitInfo{1, 0, false};
        events.failed(json::value_to<std::string>(message.at("failed")));
        hang_up();
      } else if (message.contains("exit")) {
        exit = exit_info(message.at("exit").to_number<int>(), message.at("oom").as_bool());
      } else if (message.contains("frozen") || message.contains("thawed")) {
        if (frozen_done.empty()) return;
        auto done = std::move(frozen_done.front());
        frozen_done.pop_front();
        done();
      } else if (message.contains("exec_exit")) {
        const auto run = execs.find(message.at("exec_exit").to_number<std::uint64_t>());
        if (run == execs.end()) return;
        const ExitInfo info = exit_info(message.at("status").to_number<int>(), false);
        auto exec = std::move(run->second);
        execs.erase(run);
        exec->ended(info.code, info.signal);
      }
    }

    void read_output() {
      output.async_read_some(asio::buffer(chunk),
                             [self = shared_from_this()](error_code failed, std::size_t size) {
                               if (self->dead) return;
                               if (failed) return self->flush_line();
                               self->pending.append(self->chunk.data(), size);
                               for (std::size_t at; (at = self->pending.find('\n')) != std::string::npos;) {
                                 self->events.log(std::string_view(self->pending).substr(0, at));
                                 self->pending.erase(0, at + 1);
                               }
                               if (self->pending.size() > 64 * 1024) self->flush_line();
                               self->read_output();
                             });
    }

    void flush_line() {
      if (!pending.empty()) events.log(pending);
      pending.clear();
    }

    // The keeper has ended, so nothing of the machine is left.
    void gone() {
      if (dead) return;
      take_messages();
      drain_output();
      (void)wait_child(child);
      reaped = true;
      const auto keep = shared_from_this();
      const auto exited = events.exited;
      const ExitInfo info = exit.value_or(ExitInfo{128 + SIGKILL, SIGKILL, false});
      let_go();
      exited(info);
    }

    void drain_output() {
      for (ssize_t size; (size = ::read(output.native_handle(), chunk.data(), chunk.size())) > 0;) {
        std::string_view text(chunk.data(), static_cast<std::size_t>(size));
        pending.append(text);
      }
      for (std::size_t at; (at = pending.find('\n')) != std::string::npos; pending.erase(0, at + 1))
        events.log(std::string_view(pending).substr(0, at));
      flush_line();
    }

    void hang_up() { ::shutdown(control.native_handle(), SHUT_RDWR); }

    void let_go() {
      dead = true;
      error_code ignored;
      control.close(ignored);
      output.close(ignored);
      ended.cancel(ignored);
      ended.release();
      auto left = std::move(execs);
      execs.clear();
      for (auto& [id, run] : left) run->lost();
    }

    void send(const json::object& message, const int* descriptors = nullptr) const {
      std::string text = json::serialize(message);
      iovec part{text.data(), text.size()};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> space{};
      msghdr head{};
      head.msg_iov = &part;
      head.msg_iovlen = 1;
      if (descriptors != nullptr) {
        head.msg_control = space.data();
        head.msg_controllen = space.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&head);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
        std::memcpy(CMSG_DATA(rights), descriptors, 3 * sizeof(int));
      }
      (void)!::sendmsg(const_cast<asio::posix::stream_descriptor&>(control).native_handle(), &head,
                       MSG_NOSIGNAL);
    }

    asio::io_context& loop;
    asio::posix::stream_descriptor control, output, ended;
    ProcessEvents events;
    Child child;
    std::array<char, 16 * 1024> chunk;
    std::string pending;
    std::optional<ExitInfo> exit;
    std::deque<std::function<void()>> frozen_done;
    std::map<std::uint64_t, std::shared_ptr<ExecRun>> execs;
    std::uint64_t last_exec = 0;
    bool dead = false, reaped = false;
  };

  explicit RealProcess(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  RealProcess(const RealProcess&) = delete;
  RealProcess& operator=(const RealProcess&) = delete;
  ~RealProcess() override {
    if (core_->reaped) return;
    core_->hang_up();
    core_->let_go();
    // The init ends at the socket's end, and with it all that is inside; a stuck one is killed.
    pollfd ended{core_->child.pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, 2000) <= 0) ::kill(core_->child.pid, SIGKILL);
    (void)wait_child(core_->child);
  }

  void signal(int number) override { core_->send({{"do", "signal"}, {"signal", number}}); }
  void freeze(std::function<void()> done) override {
    core_->frozen_done.push_back(std::move(done));
    core_->send({{"do", "freeze"}});
  }
  void thaw(bool cut, std::function<void()> done) override {
    core_->frozen_done.push_back(std::move(done));
    core_->send({{"do", "thaw"}, {"cut", cut}});
  }

  void exec(std::vector<std::string> command, std::string input, std::int64_t timeout_ms,
            std::function<void(ExecResult)> done) override {
    const std::uint64_t id = ++core_->last_exec;
    const std::weak_ptr<Core> core = core_;
    auto run = std::make_shared<ExecRun>(core_->loop, std::move(done));
    const auto theirs = run->open(std::move(input));
    core_->execs[id] = run;
    core_->send({{"do", "exec"}, {"id", id}, {"command", json::value_from(command)}},
                theirs.numbers().data());
    run->expire_after(timeout_ms, [core, id] {
      const auto alive = core.lock();
      if (!alive || alive->dead) return;
      alive->execs.erase(id);
      alive->send({{"do", "kill_exec"}, {"id", id}});
    });
  }

  json::array list() const override { return process_list(machine_pids()); }

  pid_t pid() const override {
    const auto pids = machine_pids();
    return pids.empty() ? 0 : pids.front();
  }

 private:
  // Without the keeper and the init.
  std::vector<pid_t> machine_pids() const {
    if (core_->dead) return {};
    auto pids = descendants(core_->child.pid);
    if (isolated && !pids.empty()) pids.erase(pids.begin());
    return pids;
  }

 public:
  bool isolated = true;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<MachineProcess> start_real_process(asio::io_context& loop, const ProcessPlan& plan,
                                                   Isolation isolation, ProcessEvents events) {
  auto [ours, theirs] = control_pair();
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]), plan_fd = plan_file(plan, isolation);
  SpawnPlan spawn_plan;
  spawn_plan.path = "/proc/self/exe";
  spawn_plan.arguments = {"flame-fly-emulator", kKeeperWord, plan.scratch};
  spawn_plan.descriptors = {
      {write_end.get(), 1}, {write_end.get(), 2}, {theirs.get(), kControlFd}, {plan_fd.get(), kPlanFd}};
  spawn_plan.new_session = true;
  auto core = std::make_shared<RealProcess::Core>(loop, std::move(events));
  core->child = spawn(spawn_plan);
  set_nonblocking(read_end.get());
  core->control.assign(ours.release());
  core->output.assign(read_end.release());
  core->ended.assign(core->child.pidfd.get());
  core->watch();
  auto process = std::make_unique<RealProcess>(core);
  process->isolated = isolation == Isolation::namespaces;
  return process;
}

std::string namespaces_refused(const std::string& scratch) {
  asio::io_context loop;
  std::string why = "the machine ended at once";
  ProcessPlan plan;
  plan.root = "/";
  plan.scratch = scratch;
  ProcessEvents events;
  events.up = [&] { why.clear(), loop.stop(); };
  events.failed = [&](std::string text) { why = std::move(text); };
  events.exited = [&](ExitInfo) { loop.stop(); };
  events.log = [](std::string_view) {};
  const auto process = start_real_process(loop, plan, Isolation::namespaces, std::move(events));
  loop.run();
  return why;
}

}  // namespace flame::fly
