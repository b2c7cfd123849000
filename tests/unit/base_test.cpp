#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

using namespace flame;

TEST_CASE("sha256: the examples of FIPS 180; every length in pieces as in one, by the CPU as without it") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(sha256(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  std::string text;
  for (unsigned i = 0; text.size() < 70 * kSha256BlockBytes; ++i) text += static_cast<char>(i * i >> 3);
  for (const std::size_t size : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 127U, 128U, 4095U, 4096U, 4097U, 4480U}) {
    Sha256 bytewise, halves;
    for (std::size_t i = 0; i < size; ++i) bytewise.update(text.substr(i, 1));
    halves.update(text.substr(0, size / 2));
    halves.update(text.substr(size / 2, size - size / 2));
    const std::string whole = sha256(text.substr(0, size));
    CHECK(bytewise.finish() == whole);
    CHECK(halves.finish() == whole);
  }
  Sha256Words by_any{}, portable{};
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  sha256_blocks(by_any, data, 70);
  sha256_blocks_portable(portable, data, 70);
  CHECK(by_any == portable);
}

TEST_CASE("SHA-256 and HMAC give the published answers") {
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==  // RFC 4231, case 2
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(
      hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(equal_constant_time("token", "token"));
  CHECK_FALSE(equal_constant_time("token", "tokem"));
  CHECK(random_bytes(32) != random_bytes(32));
}

TEST_CASE("deadlines") {
  CHECK(Deadline().remaining_ms() == kUnlimitedMs);
  CHECK(Deadline().poll_timeout_ms() == -1);
  CHECK(Deadline::in(milliseconds(0)).passed());
  CHECK(Deadline::in(milliseconds(-5)).remaining_ms() == 0);
  CHECK(Deadline::from_remaining_ms(kUnlimitedMs).unlimited());
  CHECK_FALSE(Deadline::in(std::chrono::hours(1)).passed());
  CHECK(Deadline::in(std::chrono::hours(1)).poll_timeout_ms(50) == 50);
}

TEST_CASE("a child gets the descriptors and the environment that it was given, and no others") {
  int pipe_ends[2];
  REQUIRE(::pipe2(pipe_ends, O_CLOEXEC) == 0);
  UniqueFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
  const UniqueFd stray(::open("/dev/null", O_RDONLY));  // not O_CLOEXEC on purpose
  SpawnPlan plan;
  plan.path = "/bin/sh";
  plan.arguments = {"sh", "-c",
                    "echo $ONLY; env | grep -vE '^(PWD|SHLVL|_|ONLY)='; exec ls -x /proc/self/fd"};
  plan.environment = {"ONLY=this"};
  plan.descriptors = {{write_end.get(), 1}, {write_end.get(), 7}};
  const Child child = spawn(plan);
  write_end.reset();
  CHECK(WEXITSTATUS(wait_child(child)) == 0);
  CHECK(read_fd(read_end.get(), 4096) == "this\n0  1  2  3  7\n");  // 3: the directory that ls reads
}

TEST_CASE("what cannot be started says its path") {
  SpawnPlan plan;
  plan.path = "/nonexistent/program";
  plan.arguments = {"program"};
  try {
    spawn(plan);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message == "cannot start '/nonexistent/program': No such file or directory");
  }
}

TEST_CASE("files: limits, atomic writes") {
  char directory[] = "/tmp/flame-test-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  const std::string path = std::string(directory) + "/file";
  write_file_atomic(path, "12345", 0600);
  CHECK(read_file(path, 5) == "12345");
  CHECK_THROWS_AS(read_file(path, 4), Error);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_THROWS_AS(write_file_atomic(std::string(directory) + "/no/file", "x", 0600), Error);
  ::unlink(path.c_str());
  CHECK(::rmdir(directory) == 0);  // and no temporary file was left
}

TEST_CASE("kinds and fates have one name each") {
  for (int i = 0; i <= static_cast<int>(ErrorKind::internal); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    CHECK(error_kind_from_name(error_kind_name(kind)) == kind);
  }
  CHECK_FALSE(error_kind_from_name("no_such_kind"));
  CHECK(fate_from_name("never_begun") == Fate::never_begun);
}
