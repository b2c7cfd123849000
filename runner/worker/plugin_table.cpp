#include "runner/worker/plugin_table.hpp"

#include <dlfcn.h>

#include "base/error.hpp"
#include "runner/worker/running_call.hpp"

namespace flame::worker {
namespace {

bool has_word(std::string_view words, std::string_view word) {
  const std::string padded = " " + std::string(words) + " ";
  return padded.find(" " + std::string(word) + " ") != std::string::npos;
}

// dlerror names the file as it was opened, which may be a descriptor.
std::string loader_message(const std::string& file, const std::string& path) {
  const char* text = ::dlerror();
  std::string message = text != nullptr ? text : "no reason given";
  if (message.starts_with(file)) message.replace(0, file.size(), path);
  return message;
}

}  // namespace

const LoadedFunction* LoadedPlugin::find(std::string_view name) const {
  for (const auto& function : functions)
    if (name == function.entry->name) return &function;
  return nullptr;
}

std::vector<std::string> LoadedPlugin::names() const {
  std::vector<std::string> out;
  for (const auto& function : functions) out.emplace_back(function.entry->name);
  return out;
}

LoadedPlugin load_plugin(const std::string& file, const std::string& path) {
  const auto refuse = [&](ErrorKind kind, const std::string& why, std::string hint = {}) {
    Error error(kind, "cannot load the plugin '" + path + "': " + why, std::move(hint));
    error.at_phase("load");
    return error;
  };
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr)
    throw refuse(ErrorKind::plugin_unloadable, loader_message(file, path),
                 "build it on the base image of the runner, and link what it needs");
  using Entry = const flame_plugin* (*)(const flame_host*);
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, "flame_plugin_v1"));
  if (entry == nullptr)
    throw refuse(ErrorKind::plugin_unloadable, "it does not export flame_plugin_v1",
                 "a plugin is made with FLAME_PLUGIN; see flame-plugin(3)");
  LoadedPlugin plugin;
  plugin.path = path;
  plugin.table = entry(&host());
  if (plugin.table == nullptr || plugin.table->struct_size < offsetof(flame_plugin, init))
    throw refuse(ErrorKind::plugin_unloadable, "flame_plugin_v1 returned no usable table");
  if (plugin.table->abi_needed > FLAME_ABI)
    throw refuse(ErrorKind::abi_mismatch,
                 "it needs ABI " + std::to_string(plugin.table->abi_needed) + ", this runner speaks ABI " +
                     std::to_string(FLAME_ABI),
                 "install a newer flame in the image, or build the plugin with an older SDK");
  if (plugin.table->function_size < sizeof(flame_function))
    throw refuse(ErrorKind::plugin_unloadable,
                 "its function table has rows of " + std::to_string(plugin.table->function_size) + " bytes");
  const char* row = reinterpret_cast<const char*>(plugin.table->functions);
  for (std::uint32_t i = 0; i < plugin.table->function_count; ++i, row += plugin.table->function_size) {
    const auto* function = reinterpret_cast<const flame_function*>(row);
    try {
      plugin.functions.push_back(
          {function, wire::parse_signature(function->signature), has_word(function->flags, "streaming")});
    } catch (const Error& error) {
      throw refuse(ErrorKind::plugin_unloadable,
                   "function '" + std::string(function->name) + "': " + error.message);
    }
  }
  const bool has_init = plugin.table->struct_size >= offsetof(flame_plugin, init) + sizeof(void*);
  if (has_init && plugin.table->init != nullptr && plugin.table->init(&host()) != 0)
    throw refuse(ErrorKind::plugin_unloadable, "its init() refused");
  return plugin;
}

}  // namespace flame::worker
