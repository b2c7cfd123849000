// An item and the fixed arguments as the argument list of a call.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/call.hpp"
#include "wire/signature.hpp"

namespace flame::client {

enum class ItemFormat : std::uint8_t { lines, json, csv, files };

class ArgumentEncoder {
 public:
  // fixed: words, JSON values or (kind bytes) whole contents. token: where in them the item goes; empty:
  // behind them. Throws Error(usage) when it is in none of them, or cannot be there.
  ArgumentEncoder(ItemFormat format, const std::vector<CallArgument>& fixed, const std::string& token);

  // For CSV: the first record. Columns become parameters by name; those before the fixed arguments' end are
  // taken already. Throws Error(usage) naming a parameter that has no column.
  void set_columns(std::string_view header, const wire::Signature& signature);

  // Appends the list and returns the number of arguments. Throws Error(bad_arguments).
  std::uint32_t append(std::string& out, std::string_view item) const;

  // For files: what stands before and behind the file's bytes.
  const std::string& before() const { return before_; }
  const std::string& behind() const { return behind_; }
  std::uint32_t fixed_count() const { return fixed_count_; }

  // What makes this call this call, for the job log: the fixed arguments, the format and where the item goes.
  std::string identity() const;

 private:
  std::uint32_t append_json(std::string& out, std::string_view item) const;
  std::uint32_t append_csv(std::string& out, std::string_view item) const;
  std::uint32_t append_replaced(std::string& out, std::string_view item) const;

  ItemFormat format_;
  std::string token_;
  std::vector<CallArgument> fixed_;
  bool inside_words_ = false;    // the token is a part of a word, or in several
  std::string before_, behind_;  // encoded arguments on both sides of the item
  std::uint32_t fixed_count_ = 0;
  std::vector<std::optional<std::size_t>> columns_;  // per parameter after the fixed ones
  std::size_t column_count_ = 0;
};

// Fields of one CSV record (RFC 4180: quotes, doubled quotes; a final CR is dropped).
// Throws Error(bad_arguments).
std::vector<std::string> csv_fields(std::string_view record);

// The elements of a JSON array as they are written. nullopt: the text is no array. The elements themselves
// are not checked: whoever reads them does. Throws Error(bad_arguments) for an array that does not end.
std::optional<std::vector<std::string_view>> json_elements(std::string_view text);

}  // namespace flame::client
