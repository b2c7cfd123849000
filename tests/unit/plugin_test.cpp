// The reader of plugins' files: never a crash, whatever the bytes.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/plugin/elf.hpp"
#include "client/plugin/limits.hpp"
#include "client/plugin/manifest.hpp"
#include "client/plugin/needs.hpp"
#include "client/plugin/plugin_cache.hpp"
#include "client/plugin/symbols.hpp"

using namespace flame;
using namespace flame::client;

namespace {

std::string sample() {
  const char* path = std::getenv("FLAME_TEST_PLUGIN");
  REQUIRE(path != nullptr);
  return read_file(path, 64U << 20);
}

// True when it was read, false when it was refused with a reason; anything else fails the test.
bool answers(std::string_view bytes) {
  try {
    MemorySource source(bytes);
    const Elf elf = read_elf(source);
    (void)symbol_table(elf);
    return true;
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::plugin_unloadable);
    CHECK(!error.message.empty());
    return false;
  }
}

std::string refusal(std::string_view manifest) {
  try {
    (void)parse_manifest(manifest);
  } catch (const Error& error) {
    return error.message;
  }
  return {};
}

std::string manifest_with(const std::string& functions) {
  return R"({"flame_manifest":1,"abi_needed":1,"name":"n","version":"v","functions":[)" + functions + "]}";
}

}  // namespace

TEST_CASE("versions compare by their numbers") {
  CHECK(compare_versions("GLIBC_2.4", "GLIBC_2.34") < 0);
  CHECK(compare_versions("GLIBC_2.34", "GLIBC_2.34") == 0);
  CHECK(compare_versions("GLIBC_2.2.5", "GLIBC_2.2") > 0);
  CHECK(compare_versions("GLIBCXX_3.4", "GLIBCXX_3.4.9") < 0);
  CHECK(version_family("GLIBC_2.34") == "GLIBC");
  CHECK(version_family("GLIBC_PRIVATE") == "GLIBC_PRIVATE");
  CHECK(version_family("") == "");
}

TEST_CASE("isa levels") {
  CHECK(isa_level(0) == 0);
  CHECK(isa_level(1) == 0);
  CHECK(isa_level(0b100) == 3);
  CHECK(isa_level(0b1111) == 4);
}

TEST_CASE("a plugin is read, and every beginning of it is answered") {
  const std::string whole = sample();
  CHECK(answers(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(answers({whole.data(), size}));
}

TEST_CASE("every damaged byte is answered") {
  std::string bytes = sample();
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t at = i < 4096 ? static_cast<std::size_t>(i) % bytes.size() : random() % bytes.size();
    const char before = bytes[at];
    bytes[at] = static_cast<char>(random());
    (void)answers(bytes);
    bytes[at] = before;
  }
}

TEST_CASE("manifests") {
  const std::string one = R"x({"name":"f","signature":"()","flags":"idempotent streaming"},null)x";
  const Manifest good = parse_manifest(manifest_with(one) + std::string(1, '\0'));
  REQUIRE(good.functions.size() == 1);
  CHECK(good.functions[0].streaming());
  CHECK_FALSE(good.functions[0].has_flag("stream"));
  CHECK(refusal("{") != "");
  CHECK(refusal("[]") != "");
  CHECK(refusal(R"({"abi_needed":"x","functions":[]})") != "");
  CHECK(refusal(R"({"abi_needed":0,"functions":[]})") != "");
  CHECK(refusal(R"({"abi_needed":1})") != "");
  CHECK(refusal(manifest_with("7")) != "");
  CHECK(refusal(manifest_with(R"x({"signature":"()"})x")) != "");
  CHECK(refusal(manifest_with(R"({"name":7})")) != "");
}

TEST_CASE("limits of a manifest") {
  const auto named = [](std::size_t size) {
    return manifest_with("{\"name\":\"" + std::string(size, 'f') + "\"}");
  };
  CHECK(refusal(named(128)) == "");
  CHECK(refusal(named(129)) != "");
  const auto many = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + std::string("{\"name\":\"f\"}");
    return manifest_with(list);
  };
  CHECK(refusal(many(kManifestFunctionMaxCount)) == "");
  CHECK(refusal(many(kManifestFunctionMaxCount + 1)) != "");
  const auto documented = [](std::size_t size) {
    return manifest_with("{\"name\":\"f\",\"doc\":\"" + std::string(size, 'd') + "\"}");
  };
  CHECK(refusal(documented(kManifestTextMaxBytes)) == "");
  CHECK(refusal(documented(kManifestTextMaxBytes + 1)) != "");
  const std::string padded = manifest_with("");
  CHECK(refusal(padded + std::string(kManifestMaxBytes - padded.size(), ' ')) == "");
  CHECK(refusal(padded + std::string(kManifestMaxBytes + 1 - padded.size(), ' ')) != "");
}

TEST_CASE("names are demangled, and never for longer than allowed") {
  CHECK(demangle("_ZNSt13runtime_errorC1EPKc") == "std::runtime_error::runtime_error(char const*)");
  CHECK(demangle("plain") == "plain");
  CHECK(demangle("_Znot a name") == "_Znot a name");
  // Each level names the one before twice: what it stands for doubles with every two letters.
  std::string bomb = "_Z1fPv", pairs = "_Z1fI1aE";
  std::string type = "1aIiiE";
  for (int i = 0; i < 12; ++i) type = "1aI" + type + type + "E";
  bomb = "_Z1f" + type.substr(0, 4000);
  CHECK(demangle(bomb) == bomb);
  std::string doubling = "_Z1fSt4pairIiiE";
  for (char c = '0'; c <= '9'; ++c) doubling += std::string("St4pairIS") + c + "_S" + c + "_E";
  for (char c = 'A'; c <= 'Z'; ++c) doubling += std::string("St4pairIS") + c + "_S" + c + "_E";
  CHECK(demangle(doubling).size() <= kDemangledMaxBytes);
}

TEST_CASE("what is remembered of a plugin is believed only as it was written") {
  const FileKey key{1, 2, 3, 4, 5};
  PluginFile file;
  file.sha256 = std::string(64, 'a');
  file.functions = {{"f", "(a: i64)", "idempotent", "a doc", "performance-2x"}};
  file.needs.machine = 62;
  file.needs.libraries = {"libc.so.6"};
  file.needs.versions = {{"libc.so.6", "GLIBC_2.34", false}};
  std::string bytes = encode_cache_entry(key, file);
  const auto back = decode_cache_entry(bytes, key);
  REQUIRE(back);
  CHECK(back->sha256 == file.sha256);
  REQUIRE(back->functions);
  CHECK(back->functions->at(0).signature == "(a: i64)");
  CHECK(back->functions->at(0).guest == "performance-2x");
  CHECK(back->needs.versions.at(0).version == "GLIBC_2.34");

  for (int field = 0; field < 5; ++field) {  // another file, or the same one written since
    FileKey other = key;
    (field == 0 ? other.device : field == 1 ? other.inode : other.bytes) += field < 3 ? 1 : 0;
    (field == 3 ? other.modified_ns : other.changed_ns) += field >= 3 ? 1 : 0;
    CHECK_FALSE(decode_cache_entry(bytes, other));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    CHECK_FALSE(decode_cache_entry(bytes, key));
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_cache_entry({bytes.data(), size}, key));
}
