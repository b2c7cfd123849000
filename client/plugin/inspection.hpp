// All that can be told of a plugin from its file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "client/plugin/plugin_file.hpp"

namespace flame::client {

// Names of a file that may have very many: how many there are, and the first of them, demangled.
struct NameList {
  std::size_t count = 0;
  std::vector<std::string> first;
};

// The newest version of a family that is needed of a library.
struct NewestNeed {
  std::string library, version;
  NameList symbols;  // that need it
};

struct Inspection {
  std::string path, sha256;
  std::uint64_t bytes = 0;
  std::string machine, type;  // "x86-64", "shared object"
  int bits = 64;
  bool little_endian = true;
  std::optional<Manifest> manifest;
  bool exports_entry = false;
  std::vector<NewestNeed> newest;     // one per library and family
  std::vector<VersionNeed> versions;  // all
  std::vector<std::string> needed;
  std::string soname, rpath, runpath;
  NameList exported, undefined, unversioned;  // see SymbolTable
  std::size_t unique_count = 0;
  std::uint32_t isa_level = 0;  // x86-64-vN; 0: not said
  std::string build_id;         // hex
  bool debug_info = false, stripped = false, executable_stack = false, text_relocations = false;
  std::vector<std::string> sanitizers;
};

// names_max: of each list. hash: without it sha256 is empty unless it is remembered.
Inspection inspect(OpenPlugin& plugin, std::size_t names_max, bool hash);

}  // namespace flame::client
