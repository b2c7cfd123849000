// flame/plugin/values.hpp — C++ types and the types of a signature. Part of flame/plugin.hpp.
//
//   bool                              bool
//   signed integers of every width    i8 i16 i32 i64
//   unsigned integers                 u8 u16 u32 u64
//   float, double                     f32 f64
//   std::string, std::string_view     string
//   flame::bytes, flame::bytes_view   bytes
//   flame::json                       json
//   std::vector<T>                    [T]
//   flame::span<double>, …            [f64], [i64], [u64] without a copy (parameters only)
//   std::optional<T>                  T?
//   a struct with FLAME_RECORD        {name: T, …}
//
// Views (string_view, bytes_view, span) point into the host's memory and live until the function returns.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_VALUES_HPP
#define FLAME_PLUGIN_VALUES_HPP

#include <flame/plugin/context.hpp>
#include <flame/plugin/fields.hpp>
#include <flame/plugin/text.hpp>

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace flame {

// A row of values that belongs to somebody else.
template <class T>
class span {
 public:
  constexpr span() = default;
  constexpr span(const T* data, std::size_t size) : data_(data), size_(size) {}
  constexpr const T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  const T* data_ = nullptr;
  std::size_t size_ = 0;
};

class bytes_view : public span<std::uint8_t> {
 public:
  using span::span;
  explicit bytes_view(std::string_view text)
      : span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) {}
  std::string_view text() const { return {reinterpret_cast<const char*>(data()), size()}; }
};

// Its own type, since a vector of std::uint8_t is an array of numbers.
class bytes : public std::vector<std::uint8_t> {
 public:
  using std::vector<std::uint8_t>::vector;
  explicit bytes(bytes_view view) : vector(view.begin(), view.end()) {}
  explicit bytes(std::string_view text) : bytes(bytes_view(text)) {}
  operator bytes_view() const { return {data(), size()}; }
};

// One JSON value as text; as a result it is checked by the host.
struct json {
  std::string text;
};

namespace detail {

template <class T>
struct no_such_type : std::false_type {};

// For each type: its name in a signature, how to read it, how to write it as a result.
template <class T, class = void>
struct type {
  static_assert(
      no_such_type<T>::value,
      "flame: this type cannot be a parameter or result; see flame/plugin/values.hpp for those that can, "
      "and describe a struct with FLAME_RECORD");
};

template <>
struct type<bool> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put("bool");
  }
  static bool read(const flame_value& value) { return value.as.u64 != 0; }
  static void write(flame_call* call, bool value) { check(call->host->result_bool(call, value ? 1 : 0)); }
};

// Characters are no numbers here.
template <class T>
inline constexpr bool is_character = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> ||
#ifdef __cpp_char8_t
                                     std::is_same_v<T, char8_t> ||
#endif
                                     std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;
template <class T>
inline constexpr bool is_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character<T> && sizeof(T) <= 8;

// The host has checked the range: the width is part of the signature.
template <class T>
struct type<T, std::enable_if_t<is_integer<T>>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put(std::is_signed_v<T> ? 'i' : 'u');
    sink.put(sizeof(T) == 1 ? "8" : sizeof(T) == 2 ? "16" : sizeof(T) == 4 ? "32" : "64");
  }
  static T read(const flame_value& value) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(value.as.i64);
    else
      return static_cast<T>(value.as.u64);
  }
  static void write(flame_call* call, T value) {
    if constexpr (std::is_signed_v<T>)
      check(call->host->result_i64(call, value));
    else
      check(call->host->result_u64(call, value));
  }
};

template <class T>
struct type<T, std::enable_if_t<std::is_same_v<T, float> || std::is_same_v<T, double>>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put(sizeof(T) == 4 ? "f32" : "f64");
  }
  static T read(const flame_value& value) { return static_cast<T>(value.as.f64); }
  static void write(flame_call* call, T value) {
    check(call->host->result_f64(call, static_cast<double>(value)));
  }
};

template <class T>
struct type<T, std::enable_if_t<std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put("string");
  }
  static T read(const flame_value& value) { return T(value.as.text, value.count); }
  static void write(flame_call* call, std::string_view text) {
    check(call->host->result_string(call, text.data(), text.size()));
  }
};

template <class T>
struct type<T, std::enable_if_t<std::is_same_v<T, bytes> || std::is_same_v<T, bytes_view>>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put("bytes");
  }
  static T read(const flame_value& value) { return T(bytes_view(value.as.bytes, value.count)); }
  static void write(flame_call* call, bytes_view data) {
    check(call->host->result_bytes(call, data.data(), data.size()));
  }
};

template <>
struct type<json> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put("json");
  }
  static json read(const flame_value& value) { return {std::string(value.as.text, value.count)}; }
  static void write(flame_call* call, const json& value) {
    check(call->host->result_json(call, value.text.data(), value.text.size()));
  }
};

template <class T>
struct type<std::optional<T>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    type<T>::name(sink);
    sink.put('?');
  }
  static std::optional<T> read(const flame_value& value) {
    if (value.kind == FLAME_NULL) return std::nullopt;
    return type<T>::read(value);
  }
  static void write(flame_call* call, const std::optional<T>& value) {
    if (value)
      type<T>::write(call, *value);
    else
      check(call->host->result_null(call));
  }
};
template <class T>
struct type<std::optional<std::optional<T>>> : type<no_such_type<T>> {};

template <class T>
struct type<std::vector<T>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put('[');
    type<T>::name(sink);
    sink.put(']');
  }
  static std::vector<T> read(const flame_value& value) {
    std::vector<T> out;
    out.reserve(value.count);
    for (std::uint64_t i = 0; i < value.count; ++i) out.push_back(item(value, i));
    return out;
  }
  static void write(flame_call* call, const std::vector<T>& items) {
    check(call->host->begin_array(call));
    for (const auto& one : items) type<T>::write(call, one);
    check(call->host->end_array(call));
  }

 private:
  static T item(const flame_value& value, std::uint64_t i) {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      if constexpr (std::is_floating_point_v<T>)
        return static_cast<T>(value.as.f64s[i]);
      else if constexpr (std::is_signed_v<T>)
        return static_cast<T>(value.as.i64s[i]);
      else
        return static_cast<T>(value.as.u64s[i]);
    } else {
      return type<T>::read(value.as.items[i]);
    }
  }
};

// What the host holds packed, as it is.
template <class T>
struct type<span<T>, std::enable_if_t<std::is_same_v<T, double> || std::is_same_v<T, std::int64_t> ||
                                      std::is_same_v<T, std::uint64_t>>> {
  template <class Sink>
  static constexpr void name(Sink& sink) {
    type<std::vector<T>>::name(sink);
  }
  static span<T> read(const flame_value& value) {
    if constexpr (std::is_same_v<T, double>)
      return {value.as.f64s, value.count};
    else if constexpr (std::is_same_v<T, std::int64_t>)
      return {value.as.i64s, value.count};
    else
      return {value.as.u64s, value.count};
  }
};

template <class T>
struct type<T, std::void_t<decltype(flame_fields_of(static_cast<const T*>(nullptr)))>> {
  static constexpr auto fields = flame_fields_of(static_cast<const T*>(nullptr));

  template <class Sink>
  static constexpr void name(Sink& sink) {
    sink.put('{');
    each([&sink](auto index) {
      constexpr auto one = std::get<index>(fields);
      sink.put(index == 0 ? "" : ", ");
      sink.put(one.name);
      sink.put(": ");
      type<typename decltype(one)::value>::name(sink);
    });
    sink.put('}');
  }
  static T read(const flame_value& value) {
    T out{};
    each([&](auto index) {
      constexpr auto one = std::get<index>(fields);
      out.*one.member = type<typename decltype(one)::value>::read(value.as.items[index]);
    });
    return out;
  }
  static void write(flame_call* call, const T& value) {
    check(call->host->begin_record(call));
    each([&](auto index) {
      constexpr auto one = std::get<index>(fields);
      check(call->host->result_key(call, one.name, std::strlen(one.name)));
      type<typename decltype(one)::value>::write(call, value.*one.member);
    });
    check(call->host->end_record(call));
  }

 private:
  template <class Visit>
  static constexpr void each(Visit visit) {
    each(visit, std::make_index_sequence<std::tuple_size_v<std::remove_const_t<decltype(fields)>>>());
  }
  template <class Visit, std::size_t... I>
  static constexpr void each(Visit visit, std::index_sequence<I...>) {
    (visit(std::integral_constant<std::size_t, I>()), ...);
  }
};

}  // namespace detail
}  // namespace flame

#endif
