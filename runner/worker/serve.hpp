// The worker's loop: binds and calls, one after the other, until the runner closes the socket.
#pragma once
#include "runner/worker/channel.hpp"
#include "runner/worker/kernel_watch.hpp"
#include "runner/worker/plugin_table.hpp"
#include "runner/worker/shared_page.hpp"

namespace flame::worker {

void serve(Channel& channel, SharedPage& page, const LoadedPlugin& plugin, KernelWatch& watch);

}  // namespace flame::worker
