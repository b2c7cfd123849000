// flame/plugin/fields.hpp — FLAME_RECORD: names the fields of a struct, so that it can be a parameter or a
// result. Part of flame/plugin.hpp.
//
//   struct point { double x; std::optional<double> y; };
//   FLAME_RECORD(point, x, y)                              // {x: f64, y: f64?}
//
// In the namespace of the struct, behind its definition; up to 32 fields.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_FIELDS_HPP
#define FLAME_PLUGIN_FIELDS_HPP

#include <tuple>

namespace flame::detail {

template <class Record, class Value>
struct field {
  using value = Value;
  const char* name;
  Value Record::*member;
};
template <class Record, class Value>
constexpr field<Record, Value> make_field(const char* name, Value Record::*member) {
  return {name, member};
}

}  // namespace flame::detail

// Found by the namespace of its argument.
#define FLAME_RECORD(type, ...)                                                          \
  [[maybe_unused]] constexpr auto flame_fields_of(const type*) {                         \
    return std::make_tuple(FLAME_FIELDS_(FLAME_COUNT_(__VA_ARGS__), type, __VA_ARGS__)); \
  }

// One macro for each number of fields: C++17 has no other way to walk over macro arguments.
#define FLAME_FIELD_(type, name) ::flame::detail::make_field(#name, &type::name)
#define FLAME_FIELDS_(count, type, ...) FLAME_FIELDS_OF_(count, type, __VA_ARGS__)
#define FLAME_FIELDS_OF_(count, type, ...) FLAME_FIELDS_##count##_(type, __VA_ARGS__)
#define FLAME_COUNT_(...)                                                                                  \
  FLAME_COUNT_OF_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, \
                  13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define FLAME_COUNT_OF_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18,  \
                        _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32, count, ...) \
  count
#define FLAME_FIELDS_1_(t, f) FLAME_FIELD_(t, f)
#define FLAME_FIELDS_2_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_1_(t, __VA_ARGS__)
#define FLAME_FIELDS_3_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_2_(t, __VA_ARGS__)
#define FLAME_FIELDS_4_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_3_(t, __VA_ARGS__)
#define FLAME_FIELDS_5_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_4_(t, __VA_ARGS__)
#define FLAME_FIELDS_6_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_5_(t, __VA_ARGS__)
#define FLAME_FIELDS_7_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_6_(t, __VA_ARGS__)
#define FLAME_FIELDS_8_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_7_(t, __VA_ARGS__)
#define FLAME_FIELDS_9_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_8_(t, __VA_ARGS__)
#define FLAME_FIELDS_10_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_9_(t, __VA_ARGS__)
#define FLAME_FIELDS_11_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_10_(t, __VA_ARGS__)
#define FLAME_FIELDS_12_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_11_(t, __VA_ARGS__)
#define FLAME_FIELDS_13_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_12_(t, __VA_ARGS__)
#define FLAME_FIELDS_14_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_13_(t, __VA_ARGS__)
#define FLAME_FIELDS_15_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_14_(t, __VA_ARGS__)
#define FLAME_FIELDS_16_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_15_(t, __VA_ARGS__)
#define FLAME_FIELDS_17_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_16_(t, __VA_ARGS__)
#define FLAME_FIELDS_18_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_17_(t, __VA_ARGS__)
#define FLAME_FIELDS_19_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_18_(t, __VA_ARGS__)
#define FLAME_FIELDS_20_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_19_(t, __VA_ARGS__)
#define FLAME_FIELDS_21_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_20_(t, __VA_ARGS__)
#define FLAME_FIELDS_22_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_21_(t, __VA_ARGS__)
#define FLAME_FIELDS_23_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_22_(t, __VA_ARGS__)
#define FLAME_FIELDS_24_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_23_(t, __VA_ARGS__)
#define FLAME_FIELDS_25_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_24_(t, __VA_ARGS__)
#define FLAME_FIELDS_26_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_25_(t, __VA_ARGS__)
#define FLAME_FIELDS_27_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_26_(t, __VA_ARGS__)
#define FLAME_FIELDS_28_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_27_(t, __VA_ARGS__)
#define FLAME_FIELDS_29_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_28_(t, __VA_ARGS__)
#define FLAME_FIELDS_30_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_29_(t, __VA_ARGS__)
#define FLAME_FIELDS_31_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_30_(t, __VA_ARGS__)
#define FLAME_FIELDS_32_(t, f, ...) FLAME_FIELD_(t, f), FLAME_FIELDS_31_(t, __VA_ARGS__)

#endif
