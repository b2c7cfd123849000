// The reader of plugins' files: never a crash, whatever the bytes.
#include <doctest/doctest.h>

#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/plugin/check.hpp"
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

namespace {

template <class T>
void put(std::string& out, std::size_t at, const T& value) {
  if (out.size() < at + sizeof value) out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

// A shared object with these program headers and a dynamic section at kDynamicAt; its strings are NULs.
constexpr std::size_t kStringsAt = 64 * 1024, kDynamicAt = kStringsAt + 64;

std::string made_elf(std::uint16_t segments, const std::vector<Elf64_Dyn>& dynamic) {
  std::string out(kDynamicAt, '\0');
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_type = ET_DYN;
  head.e_machine = EM_X86_64;
  head.e_phoff = sizeof head;
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = segments;
  put(out, 0, head);
  for (std::size_t i = 0; i < dynamic.size(); ++i) put(out, kDynamicAt + i * sizeof(Elf64_Dyn), dynamic[i]);
  Elf64_Phdr load{}, table{};
  load.p_type = PT_LOAD;
  load.p_filesz = load.p_memsz = out.size();
  table.p_type = PT_DYNAMIC;
  table.p_offset = table.p_vaddr = kDynamicAt;
  table.p_filesz = dynamic.size() * sizeof(Elf64_Dyn);
  put(out, sizeof head, load);
  put(out, sizeof head + sizeof load, table);
  return out;
}

std::string elf_refusal(const std::string& bytes) {
  try {
    MemorySource source(bytes);
    (void)read_elf(source);
  } catch (const Error& error) {
    return error.message;
  }
  return {};
}

std::string with_needed(std::size_t count) {
  std::vector<Elf64_Dyn> dynamic = {{DT_STRTAB, {kStringsAt}}, {DT_STRSZ, {64}}};
  for (std::size_t i = 0; i < count; ++i) dynamic.push_back({DT_NEEDED, {1}});
  dynamic.push_back({DT_NULL, {0}});
  return made_elf(2, dynamic);
}

}  // namespace

TEST_CASE("limits of an ELF file") {
  CHECK(elf_refusal(made_elf(kElfSegmentMaxCount, {{DT_NULL, {0}}})) == "");
  CHECK(elf_refusal(made_elf(kElfSegmentMaxCount + 1, {{DT_NULL, {0}}})) != "");
  CHECK(elf_refusal(with_needed(kElfNeededMaxCount)) == "");
  CHECK(elf_refusal(with_needed(kElfNeededMaxCount + 1)) != "");
  std::string sections = made_elf(2, {{DT_NULL, {0}}});
  Elf64_Ehdr head{};
  std::memcpy(&head, sections.data(), sizeof head);
  head.e_shoff = sections.size();
  head.e_shentsize = sizeof(Elf64_Shdr);
  put(sections, 0, head);
  Elf64_Shdr first{};
  first.sh_size = kElfSectionMaxCount + 1;  // the count, when it does not fit in the header
  put(sections, head.e_shoff, first);
  CHECK(elf_refusal(sections) == "it has 200001 sections");
}

TEST_CASE("a table that goes round in circles ends") {
  // Every version need points to the next byte, where another one seems to be.
  std::vector<Elf64_Dyn> dynamic = {
      {DT_STRTAB, {kStringsAt}}, {DT_STRSZ, {64}},        {DT_VERNEED, {4096}}, {DT_VERNEEDNUM, {~0ULL}},
      {DT_VERDEF, {4096}},       {DT_VERDEFNUM, {~0ULL}}, {DT_NULL, {0}}};
  std::string bytes = made_elf(2, dynamic);
  for (std::size_t at = 4096; at < kStringsAt; ++at) bytes[at] = '\1';
  CHECK(elf_refusal(bytes) != "");
}

TEST_CASE("facts: exact versions, the newest of each family, unknown ones") {
  const ImageFacts facts = parse_facts(
      R"({"flame_facts":1,"libraries":{"a":{"versions":["V_1.2"]},"b":{"newest":["V_1.2"]},"c":{}}})");
  CHECK(facts.find("a")->has("V_1.2"));
  CHECK_FALSE(facts.find("a")->has("V_1.1"));
  CHECK(facts.find("b")->has("V_1.1"));
  CHECK_FALSE(facts.find("b")->has("V_1.10"));
  CHECK_FALSE(facts.find("b")->has("W_1.1"));
  CHECK(facts.find("c")->has("V_9"));
  CHECK(facts.find("d") == nullptr);
  CHECK_THROWS_AS((void)parse_facts(std::string(kFactsMaxBytes + 1, ' ')), const Error&);
}

TEST_CASE("the quick look is never less strict than the whole check") {
  ImageFacts facts = parse_facts(
      R"({"flame_facts":1,"machine":"x86_64","isa_level":2,"abi":1,"complete":true,"libraries":{"libc.so.6":{"newest":["GLIBC_2.30"]}}})");
  Needs needs;
  needs.machine = EM_X86_64;
  needs.abi = 1;
  needs.libraries = {"libc.so.6"};
  needs.versions = {{"libc.so.6", "GLIBC_2.30", false}};
  CHECK_FALSE(may_not_load(needs, facts));
  const auto with = [&](auto change) {
    Needs other = needs;
    change(other);
    return may_not_load(other, facts);
  };
  CHECK(with([](Needs& n) { n.machine = EM_AARCH64; }));
  CHECK(with([](Needs& n) { n.isa_level = 3; }));
  CHECK(with([](Needs& n) { n.abi = 2; }));
  CHECK(with([](Needs& n) { n.libraries.push_back("libx.so"); }));
  CHECK(with([](Needs& n) { n.versions.push_back({"libc.so.6", "GLIBC_2.31", false}); }));
  CHECK(with([](Needs& n) { n.executable_stack = true; }));
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
