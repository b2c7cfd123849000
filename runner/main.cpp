// flame-runner: serves calls of plugin functions on this machine, until nobody needs it.
#include <cstdio>
#include <exception>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "flame/plugin.h"
#include "runner/machine_api.hpp"
#include "runner/options.hpp"
#include "runner/server.hpp"

int main(int argc, char** argv) {
  try {
    const auto options = flame::runner::parse_options(argc, argv);
    if (options.help) return flame::write_all(1, flame::runner::help_text()) ? 0 : 125;
    if (options.version) {
      std::printf("flame-runner %s (ABI %d, protocol 1)\n", FLAME_VERSION, FLAME_ABI);
      return 0;
    }
    flame::follow_emulated_clock();
    flame::runner::keep_machine_api_to_root();
    flame::runner::serve(options);
    return 0;
  } catch (const flame::Error& error) {
    std::fprintf(stderr, "flame-runner: %s\n", error.message.c_str());
    if (!error.hint.empty()) std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "flame-runner: %s\n", error.what());
  }
  return 125;
}
