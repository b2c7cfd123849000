// The command line.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "settings.hpp"

namespace flame::fly {

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: 4280, or a free one when that is taken
  std::uint16_t proxy_port = 0, proxy_tls_port = 0;
  std::string app = "demo", org = "personal", region = "iad", token;
  std::vector<std::pair<std::string, std::string>> images;
  std::vector<std::string> other_apps;
  std::vector<std::string> faults;  // JSON each
  std::uint64_t seed = 0;
  bool seeded = false, fast = false, light = false, quiet = false, help = false, version = false;
  bool plain = false;  // no namespaces, though they could be had
  bool own_machine = true;
  std::string ready_file;  // the export lines go here too, once it listens
  Settings settings;
};

// Throws Error(usage).
Options parse_options(int argc, char** argv);
std::string_view help_text();

}  // namespace flame::fly
