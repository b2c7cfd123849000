// What GET …/ps tells of processes.
#pragma once
#include <sys/types.h>

#include <boost/json.hpp>
#include <vector>

namespace flame::fly {

boost::json::array process_list(const std::vector<pid_t>& pids);

}  // namespace flame::fly
