// A machine's first process: runs the command, does what the emulator says, reaps, and ends with the command.
#pragma once
#include <sys/types.h>
#include <map>
#include <string>

#include "base/fd.hpp"
#include "guest_plan.hpp"

namespace flame::fly {

class GuestInit {
 public:
  // all_is_ours: pid 1 of a namespace, so that every process here belongs to the machine.
  GuestInit(ProcessPlan plan, bool all_is_ours) : plan_(std::move(plan)), all_is_ours_(all_is_ours) {}
  void run();  // returns when the machine is over

 private:
  void start_command();
  bool take_message();
  void obey(const boost::json::object& order, UniqueFd* descriptors);
  void start_exec(std::uint64_t id, const std::vector<std::string>& command, UniqueFd* descriptors);
  void reap();
  void check_memory();
  void say(const boost::json::object& message) const;
  void every_process(int signal) const;
  void end_everything() const;
  pid_t start(const std::vector<std::string>& command, const int (&stdio)[3], std::string& failed) const;

  ProcessPlan plan_;
  bool all_is_ours_;
  pid_t main_ = 0;
  bool over_ = false, oom_ = false;
  std::map<pid_t, std::uint64_t> execs_;
};

}  // namespace flame::fly
