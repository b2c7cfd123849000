#include "client/plugin/facts.hpp"

#include <elf.h>

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "client/plugin/limits.hpp"
#include "client/plugin/needs.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;

Error unusable(const std::string& why) {
  return Error(ErrorKind::config, "these are no image facts: " + why,
               "make them with 'flame image-facts' on the image");
}

std::string word(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_string()) throw unusable(std::string(key) + " is not a text");
  return std::string(value->get_string());
}

std::uint32_t number(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return 0;
  if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > 1'000'000)
    throw unusable(std::string(key) + " is not a small number");
  return static_cast<std::uint32_t>(value->get_int64());
}

bool flag(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<std::string> words(const json::object& object, const char* key) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return out;
  if (!value->is_array()) throw unusable(std::string(key) + " is not a list");
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) throw unusable(std::string(key) + " holds what is not a text");
    out.emplace_back(item.get_string());
  }
  return out;
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(printable(text));
  return out;
}

}  // namespace

bool LibraryFacts::has(std::string_view version) const {
  if (!versions_known) return true;
  for (const auto& one : versions) {
    if (one == version) return true;
    if (newest && version_family(one) == version_family(version) && compare_versions(version, one) <= 0)
      return true;
  }
  return false;
}

std::string LibraryFacts::newest_of(std::string_view version) const {
  std::string out;
  for (const auto& one : versions)
    if (version_family(one) == version_family(version) && (out.empty() || compare_versions(out, one) < 0))
      out = one;
  return out;
}

const LibraryFacts* ImageFacts::find(std::string_view library) const {
  const auto at = libraries.find(library);
  return at == libraries.end() ? nullptr : &at->second;
}

std::string facts_json(const ImageFacts& facts) {
  json::object libraries;
  for (const auto& [name, library] : facts.libraries) {
    json::object one;
    if (library.versions_known) one[library.newest ? "newest" : "versions"] = array_of(library.versions);
    if (!library.needed.empty()) one["needed"] = array_of(library.needed);
    libraries[printable(name)] = one;
  }
  return json::serialize(json::object{{"flame_facts", 1},
                                      {"source", printable(facts.source)},
                                      {"generation", printable(facts.generation)},
                                      {"libc", facts.libc},
                                      {"libc_version", printable(facts.libc_version)},
                                      {"machine", printable(facts.machine)},
                                      {"isa_level", facts.isa_level},
                                      {"abi", facts.abi},
                                      {"complete", facts.complete},
                                      {"base", facts.base},
                                      {"libraries", libraries}});
}

ImageFacts parse_facts(std::string_view text) {
  if (text.size() > kFactsMaxBytes)
    throw unusable("they are longer than " + std::to_string(kFactsMaxBytes) + " bytes");
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), why);
  if (why) throw unusable(why.message());
  if (!value.is_object()) throw unusable("it is not an object");
  const json::object& object = value.get_object();
  if (number(object, "flame_facts") != 1) throw unusable("flame_facts is not 1");
  ImageFacts out;
  out.source = word(object, "source");
  out.generation = word(object, "generation");
  out.libc = word(object, "libc");
  out.libc_version = word(object, "libc_version");
  out.machine = word(object, "machine");
  out.isa_level = number(object, "isa_level");
  out.abi = number(object, "abi");
  out.complete = flag(object, "complete");
  out.base = flag(object, "base");
  const json::value* libraries = object.if_contains("libraries");
  if (libraries == nullptr || !libraries->is_object()) throw unusable("they list no libraries");
  for (const auto& item : libraries->get_object()) {
    if (!item.value().is_object()) throw unusable("a library is not an object");
    const json::object& one = item.value().get_object();
    LibraryFacts library;
    library.newest = one.contains("newest");
    library.versions_known = library.newest || one.contains("versions");
    library.versions = words(one, library.newest ? "newest" : "versions");
    library.needed = words(one, "needed");
    out.libraries.emplace(std::string(item.key()), std::move(library));
  }
  return out;
}

ImageFacts facts_from_hello(std::string_view hello) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(hello.data(), hello.size()), why);
  if (why || !value.is_object()) throw Error(ErrorKind::protocol, "the runner's hello cannot be read");
  const json::object& object = value.get_object();
  ImageFacts out;
  out.source = "the runner " + word(object, "runner");
  out.generation = word(object, "generation");
  out.machine = word(object, "machine");
  out.abi = number(object, "abi");
  out.libc_version = word(object, "libc");
  if (out.libc_version.empty()) return out;
  out.libc = "glibc";
  LibraryFacts glibc;
  glibc.newest = true;
  glibc.versions = {"GLIBC_" + out.libc_version};
  for (const char* library : {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"})
    out.libraries.emplace(library, glibc);
  return out;
}

std::string machine_word(std::uint16_t elf_machine) {
  if (elf_machine == EM_X86_64) return "x86_64";
  if (elf_machine == EM_AARCH64) return "aarch64";
  return {};
}

}  // namespace flame::client
