#include "runner/worker/plugin_table.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "runner/worker/manifest_check.hpp"
#include "runner/worker/running_call.hpp"
#include "wire/limits.hpp"

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

Error refusal(const std::string& path, const std::string& why, std::string hint = {},
              ErrorKind kind = ErrorKind::plugin_unloadable) {
  Error error(kind, "cannot load the plugin '" + path + "': " + why, std::move(hint));
  error.at_phase("load");
  return error;
}

bool valid_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto other = [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; };
  if (name.empty() || name.size() > wire::kFunctionNameMaxBytes || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || other(c); });
}

// What is wrong with a row whose name is there.
std::optional<std::string> fault(const flame_function& row) {
  if (!valid_name(row.name)) return "its name is not [A-Za-z_][A-Za-z0-9_.-]*, or is too long";
  if (row.signature == nullptr || row.doc == nullptr || row.flags == nullptr || row.guest == nullptr)
    return "it lacks signature, doc, flags or guest";
  if (row.invoke == nullptr) return "it has nothing to invoke";
  return std::nullopt;
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

LoadedPlugin check_plugin(const flame_plugin* table, const std::string& file, const std::string& path) {
  if (table == nullptr || table->struct_size < offsetof(flame_plugin, init))
    throw refusal(path, "flame_plugin_v1 returned no usable table");
  if (table->abi_needed > FLAME_ABI)
    throw refusal(path,
                  "it needs ABI " + std::to_string(table->abi_needed) + ", this runner speaks ABI " +
                      std::to_string(FLAME_ABI),
                  "install a newer flame in the image, or build the plugin with an older SDK",
                  ErrorKind::abi_mismatch);
  if (table->function_size < sizeof(flame_function))
    throw refusal(path, "its function table has rows of " + std::to_string(table->function_size) +
                            " bytes, at least " + std::to_string(sizeof(flame_function)) + " are needed");
  if (table->name == nullptr || table->version == nullptr ||
      (table->functions == nullptr && table->function_count > 0))
    throw refusal(path, "its table lacks name, version or functions");
  LoadedPlugin plugin;
  plugin.path = path;
  plugin.table = table;
  const char* row = reinterpret_cast<const char*>(table->functions);
  for (std::uint32_t i = 0; i < table->function_count; ++i, row += table->function_size) {
    const auto* entry = reinterpret_cast<const flame_function*>(row);
    if (entry->name == nullptr) throw refusal(path, "function " + std::to_string(i) + " has no name");
    const std::string name = "function '" + printable(entry->name) + "': ";
    if (const auto wrong = fault(*entry)) throw refusal(path, name + *wrong);
    if (plugin.find(entry->name) != nullptr) throw refusal(path, name + "there are two of that name");
    try {
      plugin.functions.push_back(
          {entry, wire::parse_signature(entry->signature), has_word(entry->flags, "streaming")});
    } catch (const Error& error) {
      throw refusal(path, name + error.message);
    }
  }
  if (const auto difference = manifest_difference(file, *table))
    throw refusal(path, "its manifest and its table differ: " + *difference, "build it again with the SDK");
  return plugin;
}

LoadedPlugin load_plugin(const std::string& file, const std::string& path) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr)
    throw refusal(path, loader_message(file, path),
                  "build it on the base image of the runner, and link what it needs");
  using Entry = const flame_plugin* (*)(const flame_host*);
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, "flame_plugin_v1"));
  if (entry == nullptr)
    throw refusal(path, "it does not export flame_plugin_v1",
                  "a plugin is made with FLAME_PLUGIN; see flame-plugin(3)");
  LoadedPlugin plugin = check_plugin(entry(&host()), file, path);
  const bool has_init = plugin.table->struct_size >= offsetof(flame_plugin, init) + sizeof(void*);
  if (has_init && plugin.table->init != nullptr && plugin.table->init(&host()) != 0)
    throw refusal(path, "its init() refused");
  return plugin;
}

}  // namespace flame::worker
