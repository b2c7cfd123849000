// What people and scripts see: errors on stderr, results on stdout, the exit status.
#pragma once
#include <functional>
#include <string_view>

#include "base/error.hpp"

namespace flame::cli {

struct ErrorStyle {
  bool json = false;
  int cause_fd = -1;
};
ErrorStyle& error_style();  // set by the command line

int exit_status(const Error& error);  // design: the shell contract
int print_help(const char* text);
// stdout; throws Error(system) when it is full or broken; dies of SIGPIPE when nobody reads.
void print(std::string_view bytes);
// An error's lines on stderr, and its cause where it is asked for.
void report(const Error& error);
void finish_output();  // closes stdout; throws as print does
// Runs body; the one place where an Error becomes text and an exit status.
int guarded(const std::function<int()>& body);

}  // namespace flame::cli
