// Which C library this machine gives to workers and plugins. The runner itself is static and cannot ask.
#pragma once
#include <string>

namespace flame::runner {

std::string machine_libc_version();  // "2.36", or "" when there is no glibc

}  // namespace flame::runner
