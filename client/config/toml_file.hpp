// flame.toml as plain values: the one place that knows the TOML library.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flame::client {

struct TomlValue {
  enum class Kind : unsigned char { text, number, boolean, words, other };
  Kind kind = Kind::other;
  std::string text;                // text as it is; of the others what was written, near enough for people
  long long number = 0;            // number
  std::vector<std::string> words;  // an array of strings
  std::string json;                // the value as JSON
};

struct TomlEntry {
  std::vector<std::string> path;  // {"pool", "default", "max"}
  TomlValue value;
  unsigned line = 0;
};

// Every value of the document, tables taken apart down to [pool.NAME]. Throws Error(config) with file:line.
std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& file);

}  // namespace flame::client
