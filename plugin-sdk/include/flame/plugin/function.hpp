// flame/plugin/function.hpp — flame::function: one function of a plugin, described. Part of flame/plugin.hpp.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_FUNCTION_HPP
#define FLAME_PLUGIN_FUNCTION_HPP

#include <flame/plugin/values.hpp>

#include <array>

namespace flame {
namespace detail {

template <class T>
using plain = std::remove_cv_t<std::remove_reference_t<T>>;

// context, input and output are the host's, by reference; everything else is a value of the caller's.
template <class T>
inline constexpr bool is_stream = std::is_same_v<plain<T>, input> || std::is_same_v<plain<T>, output>;
template <class T>
inline constexpr bool is_value = !is_stream<T> && !std::is_same_v<plain<T>, context>;
template <class T>
inline constexpr bool changes_argument =
    is_value<T>&& std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>;

template <class Result, class... Parameters>
struct function_traits {
  using result = Result;
  static constexpr std::size_t value_count = (std::size_t{is_value<Parameters>} + ... + 0);
  static constexpr bool streaming = (is_stream<Parameters> || ...);
  static_assert(!(changes_argument<Parameters> || ...),
                "flame: a parameter is a reference that could be changed; take it by value or by const&");
  static_assert(((is_value<Parameters> || std::is_lvalue_reference_v<Parameters>)&&...),
                "flame: context, input and output are taken by reference");
  static_assert(!std::is_reference_v<Result>, "flame: a function returns a value, not a reference");

  template <class Sink>
  static constexpr void write_signature(Sink& sink, const std::array<const char*, value_count>& names) {
    [[maybe_unused]] std::size_t index = 0;
    sink.put('(');
    (write_parameter<Parameters>(sink, names, index), ...);
    sink.put(')');
    if constexpr (!std::is_void_v<Result>) {
      sink.put(" -> ");
      type<plain<Result>>::name(sink);
    }
  }

 private:
  template <class Parameter, class Sink>
  static constexpr void write_parameter(Sink& sink, const std::array<const char*, value_count>& names,
                                        std::size_t& index) {
    if constexpr (is_value<Parameter>) {
      sink.put(index == 0 ? "" : ", ");
      sink.put(names[index++]);
      sink.put(": ");
      type<plain<Parameter>>::name(sink);
    }
  }
};

// The traits of a function's address, or of a lambda without captures.
template <class Call>
struct traits_of : traits_of<decltype(&Call::operator())> {};
template <class Result, class... Parameters>
struct traits_of<Result (*)(Parameters...)> {
  using traits = function_traits<Result, Parameters...>;
};
template <class Result, class... Parameters>
struct traits_of<Result (*)(Parameters...) noexcept> : traits_of<Result (*)(Parameters...)> {};
template <class Call, class Result, class... Parameters>
struct traits_of<Result (Call::*)(Parameters...) const> : traits_of<Result (*)(Parameters...)> {};
template <class Call, class Result, class... Parameters>
struct traits_of<Result (Call::*)(Parameters...) const noexcept> : traits_of<Result (*)(Parameters...)> {};

template <class Call>
struct described_function {
  using traits = typename traits_of<Call>::traits;

  Call call;
  const char* name;
  std::array<const char*, traits::value_count> parameters;
  const char* doc_text = "";
  const char* guest_name = "";
  bool is_idempotent = false;
  bool is_streaming = traits::streaming;

  // What it does, and the units of its parameters.
  constexpr described_function doc(const char* text) const {
    auto copy = *this;
    copy.doc_text = text;
    return copy;
  }
  // Running it twice does no harm: flame may run it again when a machine was lost.
  constexpr described_function idempotent() const {
    auto copy = *this;
    copy.is_idempotent = true;
    return copy;
  }
  // The machine that it wants, such as "performance-4x".
  constexpr described_function guest(const char* machine) const {
    auto copy = *this;
    copy.guest_name = machine;
    return copy;
  }

  constexpr const char* flags() const {
    if (is_idempotent) return is_streaming ? "idempotent streaming" : "idempotent";
    return is_streaming ? "streaming" : "";
  }
  constexpr bool valid_parameters() const {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!valid_name(parameters[i], false)) return false;
      for (std::size_t k = 0; k < i; ++k)
        if (std::string_view(parameters[i]) == parameters[k]) return false;
    }
    return true;
  }
};

}  // namespace detail

// function("add", add, "a", "b"): a name for each parameter that the caller gives.
template <class Call, class... Names>
constexpr auto function(const char* name, Call call, Names... names) {
  using described = detail::described_function<Call>;
  static_assert(
      sizeof...(Names) == described::traits::value_count,
      "flame: a function wants one name for each of its parameters (context, input, output have none)");
  return described{call, name, {{names...}}};
}

}  // namespace flame

#endif
