#include <doctest/doctest.h>

#include <csignal>
#include <cstring>

#include "wire/crash_report.hpp"

using namespace flame::wire;

namespace {
std::string head(std::int32_t signal) {
  CrashHead out{};
  out.magic = kCrashMagic;
  out.signal = signal;
  out.code = SEGV_MAPERR;
  out.access = CrashAccess::write;
  out.address = 0x10;
  out.pc = 0x401010;
  return std::string(reinterpret_cast<const char*>(&out), sizeof out);
}
std::string frame(std::uint64_t address) { return std::string(reinterpret_cast<const char*>(&address), 8); }
constexpr const char* kMaps =
    "00400000-00402000 r-xp 00001000 fe:00 77                         /app/a b.so\n"
    "7ffc0000-7ffd0000 rw-p 00000000 00:00 0                          [stack]\n";
}  // namespace

TEST_CASE("a crash record is read as far as it goes") {
  CHECK_FALSE(parse_crash_record("").valid);
  CHECK_FALSE(parse_crash_record(std::string(200, 'x')).valid);
  const std::string whole = head(SIGSEGV) + kMaps + std::string(1, '\0') + frame(0x400fff) + frame(0x7fff);
  const CrashRecord record = parse_crash_record(whole);
  REQUIRE(record.valid);
  REQUIRE(record.maps.size() == 2);
  CHECK(record.maps[0].path == "/app/a b.so");
  CHECK(record.maps[0].offset == 0x1000);
  CHECK(record.maps[0].inode == 77);
  CHECK(record.frames == std::vector<std::uint64_t>{0x401010, 0x400fff, 0x7fff});
  for (std::size_t size = 0; size < whole.size(); ++size) {  // a handler that died while it wrote
    const CrashRecord cut = parse_crash_record(std::string_view(whole).substr(0, size));
    CHECK(cut.valid == (size >= sizeof(CrashHead)));
    CHECK(cut.maps.size() <= 2);
    CHECK(cut.frames.size() <= 3);
  }
}

TEST_CASE("rubbish in a record is no trouble") {
  for (const char* maps : {"", "\n\n\n", "zz-yy r-xp 0 0 0 x\n", "1-", "2-1 r-xp 0 0:0 0 \n", "1-2 r",
                           "ffffffffffffffffff-1 \n"}) {
    const CrashRecord record = parse_crash_record(head(SIGSEGV) + maps);
    CHECK(record.maps.empty());
    CHECK(make_crash_report(record, SIGSEGV, {}, "").reason == "SIGSEGV (write to address 0x10, not mapped)");
  }
  std::string many = head(SIGSEGV) + std::string(1, '\0');
  for (int i = 1; i < 500; ++i) many += frame(static_cast<std::uint64_t>(i));
  CHECK(parse_crash_record(many).frames.size() == kCrashFrameMaxCount);
}

TEST_CASE("the signal is the kernel's, not the record's") {
  const CrashRecord record = parse_crash_record(head(SIGSEGV));
  CHECK(make_crash_report(record, SIGKILL, {}, "").reason == "SIGKILL (Killed)");
  CHECK(make_crash_report({}, SIGSEGV, {}, "").reason == "SIGSEGV (Segmentation fault)");
}

TEST_CASE("what a C++ runtime says of an exception") {
  const auto gnu =
      find_uncaught("before\nterminate called after throwing an instance of 'a::b'\n  what():  two\nlines\n");
  CHECK(gnu.type == "a::b");
  CHECK(gnu.what == "two\nlines");
  CHECK(find_uncaught("terminate called after throwing an instance of 'int'\n").type == "int");
  const auto llvm =
      find_uncaught("libc++abi: terminating with uncaught exception of type std::logic_error: why\n");
  CHECK(llvm.type == "std::logic_error");
  CHECK(llvm.what == "why");
  CHECK(find_uncaught("terminate called without an active exception\n").type.empty());
  CHECK(find_uncaught("terminate called after throwing an instance of 'x\033[2J'\n").type == "x\\x1b[2J");
}
