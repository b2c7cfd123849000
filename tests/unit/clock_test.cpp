#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/clock.hpp"
#include "base/fd.hpp"

using namespace flame;

namespace {
void set_behind(const std::string& path, std::int64_t ns) {
  const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT, 0600);
  REQUIRE(write_all(fd.get(), &ns, sizeof ns));
}
}  // namespace

TEST_CASE("a clock follows the emulator's page, once it was asked to") {
  const std::string path = "/tmp/flame-clock-test-" + std::to_string(::getpid());
  constexpr std::int64_t hour_ns = 3600LL * 1'000'000'000;
  set_behind(path, hour_ns);
  ::setenv("FLY_EMULATOR_CLOCK", path.c_str(), 1);
  const auto real = std::chrono::steady_clock::now();
  CHECK(Clock::now() >= real);  // an environment alone moves nothing

  set_behind(path, 0);
  follow_emulated_clock();
  const Deadline deadline = Deadline::in(std::chrono::minutes(30));
  const auto before = Clock::now();
  set_behind(path, hour_ns);  // an hour asleep
  CHECK(Clock::now() < before - std::chrono::minutes(59));
  CHECK(deadline.remaining_ms() > 80 * 60 * 1000);
  set_behind(path, 0);
  CHECK(Clock::now() >= before);
  ::unsetenv("FLY_EMULATOR_CLOCK");
  ::unlink(path.c_str());
}

TEST_CASE("a clock page that cannot be read is none") {
  ::setenv("FLY_EMULATOR_CLOCK", "/nowhere/clock", 1);
  follow_emulated_clock();
  const auto real = std::chrono::steady_clock::now();
  CHECK(Clock::now() >= real);
  ::unsetenv("FLY_EMULATOR_CLOCK");
}
