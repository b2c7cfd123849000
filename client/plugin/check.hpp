// A plugin against the facts of an image: what would keep it from loading there, before a machine is paid
// for.
#pragma once
#include <string>
#include <vector>

#include "base/error.hpp"
#include "client/plugin/facts.hpp"
#include "client/plugin/plugin_file.hpp"

namespace flame::client {

struct Finding {
  std::string code;   // "version", "library", "machine", …: stable, for scripts
  std::string what;   // "new.so needs GLIBC_2.38 of libc.so.6"
  std::string why;    // "debian:12 has GLIBC_2.36 at most"
  std::string fix;    // what to type or change
  bool fatal = true;  // false: it loads, but something is amiss
};

struct CheckReport {
  std::vector<Finding> findings;
  std::vector<std::string> beside;  // files that travel with the plugin, found by its RUNPATH
  bool fatal() const;
};

// Every version and library over the whole closure. Throws Error for files that cannot be read.
CheckReport check_plugin(const OpenPlugin& plugin, const ImageFacts& facts);

// Whether the flame-worker that comes with this flame, in which plugins live, runs on a base image: a warning
// when not.
void check_worker(CheckReport& report, const ImageFacts& facts);

// Whether `needs` alone, without its file, shows a reason for a closer look: what `run` asks on a cold path.
bool may_not_load(const Needs& needs, const ImageFacts& facts);

// The error for `run`: all fatal findings in one message. Precondition: report.fatal().
Error unloadable_there(const std::string& plugin, const CheckReport& report);

}  // namespace flame::client
