#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "client/calls/call_id.hpp"
#include "client/calls/call_log.hpp"

using namespace flame;
using namespace flame::client;

TEST_CASE("call ids: 13 digits and back, at both ends") {
  CHECK(call_id_text(0) == "0000000000000");
  CHECK(call_id_text(~std::uint64_t{0}) == "fzzzzzzzzzzzz");
  for (const std::uint64_t id :
       {std::uint64_t{1}, std::uint64_t{31}, std::uint64_t{1} << 63U, ~std::uint64_t{0}})
    CHECK(read_call_id(call_id_text(id)) == id);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t id = new_call_id();
    CHECK(id != 0);
    CHECK(read_call_id(call_id_text(id)) == id);
  }
}

TEST_CASE("call ids as people type them") {
  CHECK(read_call_id_prefix("O1iLa") == "0111a");
  CHECK(read_call_id("FZZZZZZZZZZZZ") == ~std::uint64_t{0});
  for (const char* bad : {"", "u", "g", "00000000000000", "a-b", "a/b", "a\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_call_id_prefix(bad));
  }
  CHECK_FALSE(read_call_id("000000000000"));  // a digit short
}

TEST_CASE("the log of calls: what was written is read; the later row of a detached call adds its end") {
  std::string directory = "/tmp/flame-calls-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  ::setenv("XDG_STATE_HOME", directory.c_str(), 1);
  LoggedCall call;
  call.id = 7;
  call.begun_at_ms = 1000;
  call.us(Phase::send) = 5;
  call.total_us = 9;
  call.detached = true;
  call.plugin = "/a/b/" + std::string(100, 'p');
  call.function = "f";
  log_call(call);
  LoggedCall other;
  other.id = 8;
  other.error = ErrorKind::internal;
  log_call(other);
  LoggedCall end;
  end.id = 7;
  end.measured = true;
  end.us(Phase::run) = 6;
  end.error = ErrorKind::failed;
  log_call(end);
  const auto calls = logged_calls();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].plugin == std::string(48, 'p'));
  CHECK(calls[0].us(Phase::send) == 5);
  CHECK(calls[0].us(Phase::run) == 6);
  CHECK(calls[0].total_us == 9);
  CHECK(calls[0].measured);
  CHECK(calls[0].detached);
  CHECK(calls[0].error == ErrorKind::failed);
  CHECK(calls[1].error == ErrorKind::internal);
  const std::string file = directory + "/flame/call-times";
  ::unlink(file.c_str());
  ::rmdir((directory + "/flame").c_str());
  CHECK(::rmdir(directory.c_str()) == 0);
}
