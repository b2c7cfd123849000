// A machine's process on this computer: its keeper, watched from the event loop.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "guest_plan.hpp"

namespace flame::fly {

// Throws Error(system) when no process can be started at all.
std::unique_ptr<MachineProcess> start_real_process(boost::asio::io_context& loop, const ProcessPlan& plan,
                                                   Isolation isolation, ProcessEvents events);

// Tries an empty machine; the reason why namespaces cannot be had, empty when they can.
std::string namespaces_refused(const std::string& scratch);

}  // namespace flame::fly
