// What /proc tells of a machine's processes, and cutting their connections.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace flame::fly {

std::vector<pid_t> all_processes();  // of this pid namespace, but us
std::vector<pid_t> descendants(pid_t of);
std::int64_t resident_mb(const std::vector<pid_t>& pids);
// Resets each connected TCP socket of theirs; listening ones stay. Their processes should be stopped.
void cut_connections(const std::vector<pid_t>& pids);

}  // namespace flame::fly
