// Arguments from the wire to the values that a plugin sees, by the types of the signature.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "flame/plugin.h"
#include "runner/worker/json_reader.hpp"
#include "wire/frame.hpp"
#include "wire/signature.hpp"

namespace flame::worker {

// Owns what the values point to; one per call.
class Arguments {
 public:
  // list: the argument list of a call, whole; kept, for the values may point into it. Throws
  // Error(bad_arguments) that names function, parameter, expected and given.
  Arguments(std::string_view function, const wire::Signature& signature, std::uint32_t count,
            std::string list);

  const std::vector<flame_value>& values() const { return values_; }

 private:
  void check_count(const wire::Signature& signature, std::size_t given) const;
  flame_value from_argument(const wire::Argument& argument, const wire::Type& type);
  flame_value from_word(std::string_view word, const wire::Type& type);
  flame_value from_json_text(std::string_view text, const wire::Type& type);
  flame_value from_json(JsonReader& json, const wire::Type& type);
  flame_value from_array(JsonReader& json, const wire::Type& element);
  flame_value from_record(JsonReader& json, const wire::Type& type);
  flame_value text(std::uint32_t kind, std::string value);

  std::string_view function_;
  std::string list_;
  std::vector<flame_value> values_;
  std::deque<std::string> texts_;
  std::deque<std::vector<flame_value>> items_;
  std::deque<std::vector<std::int64_t>> i64s_;
  std::deque<std::vector<std::uint64_t>> u64s_;
  std::deque<std::vector<double>> f64s_;
};

}  // namespace flame::worker
