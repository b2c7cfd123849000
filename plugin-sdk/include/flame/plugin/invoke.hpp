// flame/plugin/invoke.hpp — one call of a C++ function through the C ABI. Part of flame/plugin.hpp.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_INVOKE_HPP
#define FLAME_PLUGIN_INVOKE_HPP

#include <cxxabi.h>

#include <flame/plugin/function.hpp>

#include <cstdlib>
#include <typeinfo>

namespace flame::detail {

// What the host lends to one call.
struct lent {
  explicit lent(flame_call* call) : host(call), in(call), out(call) {
    std::uint32_t count = 0;
    values = call->host->arguments(call, &count);
  }
  context host;
  input in;
  output out;
  const flame_value* values;
};

template <class Parameter>
decltype(auto) argument(lent& from, std::size_t index) {
  if constexpr (std::is_same_v<plain<Parameter>, context>)
    return (from.host);
  else if constexpr (std::is_same_v<plain<Parameter>, input>)
    return (from.in);
  else if constexpr (std::is_same_v<plain<Parameter>, output>)
    return (from.out);
  else
    return type<plain<Parameter>>::read(from.values[index]);
}

template <class... Parameters>
constexpr std::array<std::size_t, sizeof...(Parameters) + 1> value_indices() {
  std::array<std::size_t, sizeof...(Parameters) + 1> out{};
  [[maybe_unused]] std::size_t at = 0, next = 0;
  ((out[at++] = next, next += is_value<Parameters> ? 1 : 0), ...);
  return out;
}

template <class Call, class Result, class... Parameters, std::size_t... I>
void apply(flame_call* handle, Call call, function_traits<Result, Parameters...>, std::index_sequence<I...>) {
  lent from(handle);
  constexpr auto indices = value_indices<Parameters...>();
  (void)indices;
  if constexpr (std::is_void_v<Result>)
    call(argument<Parameters>(from, indices[I])...);
  else
    type<plain<Result>>::write(handle, call(argument<Parameters>(from, indices[I])...));
}
template <class Call, class Result, class... Parameters>
void apply(flame_call* handle, Call call, function_traits<Result, Parameters...> traits) {
  apply(handle, call, traits, std::index_sequence_for<Parameters...>());
}

// The type of the exception that is being handled, as people write it. Works without RTTI.
inline std::string thrown_type() {
  const std::type_info* thrown = abi::__cxa_current_exception_type();
  if (thrown == nullptr) return {};
  int status = 0;
  char* text = abi::__cxa_demangle(thrown->name(), nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : thrown->name();
  std::free(text);
  return name;
}

inline void fail(flame_call* call, int code, const std::string& type, std::string_view message) {
  call->host->fail(call, code, type.c_str(), message.data(), message.size());
}

template <class Call>
int invoke(flame_call* handle, Call call) {
  try {
    apply(handle, call, typename traits_of<Call>::traits());
    return 0;
  } catch (const stopped&) {
    // The host knows why.
  } catch (const error& failure) {
    fail(handle, failure.code(), failure.type().empty() ? thrown_type() : failure.type(), failure.what());
  } catch (const std::exception& failure) {
    fail(handle, 1, thrown_type(), failure.what());
  } catch (...) {
    fail(handle, 1, thrown_type(), "threw something that is no std::exception");
  }
  return 1;
}

}  // namespace flame::detail

#endif
