// `flame run --detach`: the runner gets the call and keeps it; its id is all that is printed.
#pragma once
#include "client/call.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {

// Prints the id when the runner has taken the call, and gives it. Throws Error; with fate never_begun another
// runner may be asked.
std::uint64_t detach_call(const client::Pool& pool, client::Link& link, const client::Invocation& call,
                          const client::CallEvents& events);

}  // namespace flame::cli
