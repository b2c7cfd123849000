// The worker's last words: a signal handler that records where and why it dies (wire/crash_record.hpp), then
// lets the signal have its way.
#pragma once

namespace flame::worker {

// Costs a few system calls and no memory until a crash. A handler that is there already (AddressSanitizer's)
// keeps its signal. Call it before the sandbox closes /proc and before the plugin is loaded.
void install_crash_handler();

}  // namespace flame::worker
