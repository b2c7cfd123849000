// The signature of a function: "(a: f64, b: [i64], p: {x: f64, y: f64?}) -> string?".
// Types: bool  i8 i16 i32 i64  u8 u16 u32 u64  f32 f64  string bytes json  [T]  T?  {name: T, …}; without
// "->" the function has no result. flame-plugin(3) has the grammar.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame::wire {

enum class Kind : unsigned char { boolean, i64, u64, f64, string, bytes, json, array, record };

struct Field;
struct Type {
  Kind kind{};
  std::uint8_t bits = 64;  // of i64, u64, f64: what a narrower one travels as, with its range checked
  bool optional = false;
  std::vector<Type> element;  // array: exactly one
  std::vector<Field> fields;  // record
};
struct Field {
  std::string name;
  Type type;
};

struct Signature {
  std::vector<Field> parameters;
  std::optional<Type> result;
};

inline constexpr std::size_t kSignatureMaxBytes = 16 * 1024;
inline constexpr std::size_t kNameMaxBytes = 128;  // of a parameter or field
inline constexpr int kTypeMaxDepth = 32;

// Throws Error(bad_result) that says where the text went wrong.
Signature parse_signature(std::string_view text);
std::string to_string(const Type& type);

}  // namespace flame::wire
