// A machine of --light: no process, only a listener on its address that answers hello.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "process.hpp"

namespace flame::fly {

std::unique_ptr<MachineProcess> start_light_process(boost::asio::io_context& loop, const ProcessPlan& plan,
                                                    ProcessEvents events);

}  // namespace flame::fly
