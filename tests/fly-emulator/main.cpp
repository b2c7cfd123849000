// flame-fly-emulator: a double of the Fly Machines API; its machines are processes of this computer.
#include <cstdio>
#include <cstring>
#include <exception>

#include "base/error.hpp"
#include "emulator.hpp"
#include "guest_plan.hpp"

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], flame::fly::kKeeperWord) == 0) return flame::fly::keeper_main();
  try {
    auto options = flame::fly::parse_options(argc, argv);
    if (options.help) return std::fputs(flame::fly::help_text().data(), stdout) < 0;
    if (options.version) return std::puts("flame-fly-emulator " FLAME_VERSION) < 0;
    flame::fly::run_emulator(std::move(options));
    return 0;
  } catch (const flame::Error& error) {
    std::fprintf(stderr, "flame-fly-emulator: %s\n", error.message.c_str());
    if (!error.hint.empty()) std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
    return error.kind == flame::ErrorKind::usage ? 2 : 125;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "flame-fly-emulator: %s\n", error.what());
    return 125;
  }
}
