// What an image offers to plugins: its libraries and the versions that they define. Recorded as JSON
// (flame-image-facts(1)), so that a plugin can be checked with no image at hand.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame::client {

struct LibraryFacts {
  std::vector<std::string> versions;  // all that it defines, or with `newest` the newest of each family
  std::vector<std::string> needed;    // libraries that it needs itself
  bool newest = false;                // older versions of a family are there too
  bool versions_known = true;

  // Whether the version is defined; true when its versions are not known.
  bool has(std::string_view version) const;
  // The newest of that version's family; empty when there is none.
  std::string newest_of(std::string_view version) const;
};

struct ImageFacts {
  std::string source;           // "debian:12", "the image at /", for messages
  std::string generation;       // of the runners that have this image; empty: not told
  std::string libc;             // "glibc", "musl", or "" when there is none
  std::string libc_version;     // "2.36"
  std::string machine;          // as uname -m: "x86_64", "aarch64"; empty: not known
  std::uint32_t isa_level = 0;  // of the CPU: x86-64-v1 … v4; 0: not known
  std::uint32_t abi = 0;        // flame's, that the runner speaks; 0: not known
  bool complete = false;        // a library that is not listed is not there
  bool base = false;            // of a bare base image, to which an app's image may add
  std::map<std::string, LibraryFacts, std::less<>> libraries;

  const LibraryFacts* find(std::string_view library) const;
};

std::string facts_json(const ImageFacts& facts);
// Throws Error(config) that says why the text cannot be used.
ImageFacts parse_facts(std::string_view text);

// What a runner's hello tells (PROTOCOL.md §4): libc, machine, ABI. Not complete.
ImageFacts facts_from_hello(std::string_view hello);

// "x86_64" for EM_X86_64; empty for machines that run no flame.
std::string machine_word(std::uint16_t elf_machine);

// Facts of a well-known base image ("debian:12"), from the files that come with flame; nullopt when it is not
// one.
std::optional<ImageFacts> base_facts(const std::string& name);
std::vector<std::string> base_names();

// Facts that `pool warm` recorded for a pool; nullopt when there are none or they cannot be read.
std::optional<ImageFacts> recorded_facts(const std::string& pool) noexcept;
bool record_facts(const std::string& pool, const ImageFacts& facts) noexcept;

}  // namespace flame::client
