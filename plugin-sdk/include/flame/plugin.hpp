// flame/plugin.hpp — a plugin in C++17, typed by the signatures of its functions.
//
//   #include <flame/plugin.hpp>
//   double add(double a, double b) { return a + b; }
//   FLAME_PLUGIN("math", "1.0", flame::function("add", add, "a", "b").doc("Sum of a and b.").idempotent())
//
// Parameter and result types are those of flame/plugin/values.hpp; flame::context&, flame::input& and
// flame::output& (flame/plugin/context.hpp) may stand among the parameters and have no name. An exception
// becomes the caller's error, with its type and message. The manifest is made while the plugin compiles.
// Nothing crosses the border but C, nothing is linked; -fno-rtti is fine, exceptions are needed.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_HPP
#define FLAME_PLUGIN_HPP

#ifndef __cpp_exceptions
#error "flame/plugin.hpp needs exceptions; write the plugin with flame/plugin.h instead"
#endif

#include <flame/plugin.h>
#include <flame/plugin/function.hpp>
#include <flame/plugin/invoke.hpp>

namespace flame::detail {

template <class... Functions>
struct plugin_items {
  const char* name;
  const char* version;
  std::tuple<Functions...> functions;
};
template <class... Functions>
constexpr plugin_items<Functions...> make_items(const char* name, const char* version,
                                                Functions... functions) {
  return {name, version, {functions...}};
}

// Items is a type with a static member `items`: texts and addresses cannot be template arguments in C++17.
template <class Items>
struct plugin_maker {
  static constexpr auto& items = Items::items;
  static constexpr std::size_t count =
      std::tuple_size_v<std::remove_cv_t<std::remove_reference_t<decltype(items.functions)>>>;

  template <std::size_t I>
  struct one {
    static constexpr auto& function = std::get<I>(items.functions);
    using traits = typename std::remove_cv_t<std::remove_reference_t<decltype(function)>>::traits;

    struct signature_writer {
      template <class Sink>
      static constexpr void write(Sink& sink) {
        traits::write_signature(sink, function.parameters);
      }
    };
    static constexpr auto signature = make_text<signature_writer>();
    static_assert(signature.view().size() <= 16 * 1024, "flame: a signature of more than 16 KiB");
    static_assert(valid_name(function.name, true),
                  "flame: a function's name is not [A-Za-z_][A-Za-z0-9_.-]*");
    static_assert(function.valid_parameters(),
                  "flame: a parameter's name is not [A-Za-z_][A-Za-z0-9_]*, or not unique");
    static_assert(valid_utf8(function.doc_text) && valid_utf8(function.guest_name),
                  "flame: a text is not UTF-8");

    struct manifest_writer {
      template <class Sink>
      static constexpr void write(Sink& sink) {
        sink.put("{\"name\":");
        put_json_string(sink, function.name);
        sink.put(",\"signature\":");
        put_json_string(sink, signature.view());
        sink.put(",\"doc\":");
        put_json_string(sink, function.doc_text);
        sink.put(",\"flags\":");
        put_json_string(sink, function.flags());
        sink.put(",\"guest\":");
        put_json_string(sink, function.guest_name);
        sink.put("}");
      }
    };
    static constexpr auto manifest = make_text<manifest_writer>();

    static int invoke(flame_call* call) noexcept { return detail::invoke(call, function.call); }
    static constexpr flame_function row = {function.name,    signature.data,      function.doc_text,
                                           function.flags(), function.guest_name, &invoke};
  };

  template <class Indices>
  struct all;
  template <std::size_t... I>
  struct all<std::index_sequence<I...>> {
    static constexpr flame_function rows[sizeof...(I)] = {one<I>::row...};

    template <class Sink>
    static constexpr void write(Sink& sink) {
      sink.put("{\"flame_manifest\":1,\"abi_needed\":1,\"name\":");
      put_json_string(sink, items.name);
      sink.put(",\"version\":");
      put_json_string(sink, items.version);
      sink.put(",\"functions\":[");
      ((sink.put(I == 0 ? "" : ","), sink.put(one<I>::manifest.view())), ...);
      sink.put("]}");
    }
  };
  using every = all<std::make_index_sequence<count>>;

  static constexpr bool unique_names() {
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (std::string_view(every::rows[i].name) == every::rows[k].name) return false;
    return true;
  }
  static_assert(FLAME_ABI_NEEDED == 1, "the manifest above says so too");
  static_assert(count > 0, "flame: a plugin without functions");
  static_assert(valid_utf8(items.name) && valid_utf8(items.version), "flame: a text is not UTF-8");

  static const flame_plugin* table() {
    static_assert(unique_names(), "flame: two functions have one name");
    static constexpr flame_plugin plugin = {sizeof(flame_plugin),
                                            FLAME_ABI_NEEDED,
                                            sizeof(flame_function),
                                            static_cast<std::uint32_t>(count),
                                            items.name,
                                            items.version,
                                            every::rows,
                                            nullptr,
                                            nullptr};
    return &plugin;
  }
};

}  // namespace flame::detail

// FLAME_PLUGIN(name, version, function…): once in a plugin, at the end of one of its files.
#define FLAME_PLUGIN(plugin_name, ...)                                                 \
  namespace {                                                                          \
  constexpr auto flame_items_ = ::flame::detail::make_items(plugin_name, __VA_ARGS__); \
  struct flame_items_of_ {                                                             \
    static constexpr auto& items = flame_items_;                                       \
  };                                                                                   \
  using flame_maker_ = ::flame::detail::plugin_maker<flame_items_of_>;                 \
  }                                                                                    \
  FLAME_MANIFEST_SECTION static constexpr auto flame_manifest_ =                       \
      ::flame::detail::make_text<flame_maker_::every>();                               \
  extern "C" FLAME_EXPORT const flame_plugin* flame_plugin_v1(const flame_host*);      \
  extern "C" FLAME_EXPORT const flame_plugin* flame_plugin_v1(const flame_host*) {     \
    return flame_maker_::table();                                                      \
  }

#endif
