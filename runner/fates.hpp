// What a caller is told when its call did not end by an answer of the function.
#pragma once
#include "base/error.hpp"
#include "runner/call.hpp"
#include "runner/worker_port.hpp"

namespace flame::runner {

// The worker died while this call ran.
Error died_running(const Call& call, const WorkerEnd& end, const WorkerPort& worker);
// The worker was killed because it had more memory than this.
// By us, who saw it take seen_bytes, or by the kernel.
Error out_of_memory(const Call& call, std::uint64_t limit_bytes, std::uint64_t seen_bytes,
                    const WorkerEnd& end);
// What it had used by then: the body of a `usage` without the waits. The worker metered it when it began.
std::string last_usage(const WorkerEnd& end, std::uint64_t seen_bytes, const worker::SharedPage& page,
                       Clock::time_point now);
// Its constructors or its init() ended the process.
Error died_loading(const Call& call, const WorkerEnd& end, const WorkerPort& worker);
// The call was given up or too late, and had not begun. phase: "queue" or "load".
Error given_up(const Call& call, const char* phase);
// Of an error's JSON, as a worker or error_json wrote it.
ErrorKind kind_of_error(std::string_view body);

}  // namespace flame::runner
