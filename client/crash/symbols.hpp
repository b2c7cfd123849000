// From an address in an ELF file to functions and lines, by its DWARF, else by its symbol table. Part of
// flame-symbolize: libdw stays out of flame itself.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flame::client {

struct SourcePlace {
  std::string function, file;  // demangled; empty: not known
  int line = 0;
};

class Symbols {
 public:
  // nullptr when path is no readable ELF file.
  static std::unique_ptr<Symbols> open(const std::string& path);
  virtual ~Symbols() = default;

  virtual const std::string& build_id() const = 0;
  virtual bool has_lines() const = 0;
  // Innermost first: functions inlined there, then the function that is there. Empty: nothing known.
  virtual std::vector<SourcePlace> find(std::uint64_t address) = 0;
};

}  // namespace flame::client
