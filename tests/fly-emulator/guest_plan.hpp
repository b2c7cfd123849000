// What the emulator tells the keeper of a machine: the plan in a memfd, then words on a socket.
//   emulator → init: {"do":"signal","signal":15} {"do":"freeze"} {"do":"thaw","cut":true}
//                    {"do":"exec","id":1,"command":[…]} with stdin, stdout, stderr {"do":"kill_exec","id":1}
//   init → emulator: {"up":true} {"failed":"…"} {"exit":status,"oom":false} {"frozen":true} {"thawed":true}
//                    {"exec_exit":1,"status":status}
// Status is waitpid's. The end of the socket ends the machine.
#pragma once
#include <cstddef>

#include "process.hpp"

namespace flame::fly {

inline constexpr int kControlFd = 3, kPlanFd = 4;
inline constexpr std::size_t kMessageLimitBytes = 160 * 1024;
inline constexpr const char* kKeeperWord = "__machine";

// How much of a machine this computer allows.
enum class Isolation { plain, namespaces };

boost::json::object plan_json(const ProcessPlan& plan, Isolation isolation);
ProcessPlan plan_from_json(const boost::json::object& plan);

// The program behind kKeeperWord.
int keeper_main();

}  // namespace flame::fly
