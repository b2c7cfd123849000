// A crash record, the signal and what the worker printed last, made into what PROTOCOL.md §6 says.
#pragma once
#include <string>
#include <string_view>

#include "wire/crash_record.hpp"

namespace flame::wire {

struct CrashReport {
  std::string reason;  // "SIGSEGV (write to address 0x0, not mapped)"
  std::string json;    // the object `crash` of an error
};

// What died, as its runner knows it (the record is the dying worker's word).
struct CrashedPlugin {
  int fd = -1;         // its bytes, for the build id; -1: unknown
  std::string sha256;  // hex; may be empty
};

// signal is the one that the kernel told. Opens the files that the record names, to read build ids.
CrashReport make_crash_report(const CrashRecord& record, int signal, const CrashedPlugin& plugin,
                              std::string_view stderr_tail);

// The exception that a C++ runtime told of before it aborted; empty type: none.
struct UncaughtException {
  std::string type, what;
};
UncaughtException find_uncaught(std::string_view stderr_tail);

}  // namespace flame::wire
