#include <boost/json.hpp>
#include <limits>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/inspection.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
using client::Inspection;

constexpr OptionSpec kOptions[] = {
    {0, "json", 0, nullptr, "everything, as one JSON object"},
    {0, "hash", 0, nullptr, "the SHA-256 of a large plugin too, which takes reading all of it"},
    {0, "all", 0, nullptr, "list every symbol; without it the first few"},
    {0, "help", 'h', nullptr, "this text"},
};

constexpr std::uint64_t kHashedMaxBytes = 32ULL << 20;  // some 20 ms
constexpr std::size_t kListed = 8;                      // symbols of a list that a person reads

// ---- For people ----

std::string row(std::string label, const std::string& value) {
  if (value.empty()) return {};
  label.resize(12, ' ');
  return label + printable(value) + "\n";
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string listed(const client::NameList& names) {
  const std::size_t left = names.count - names.first.size();
  return joined(names.first) + (left == 0 ? "" : " and " + std::to_string(left) + " more");
}

std::string warnings_of(const Inspection& of) {
  std::string out;
  if (!of.exports_entry) out += row("warning", "it does not export flame_plugin_v1: no plugin");
  if (!of.manifest) out += row("warning", "no manifest: its functions are known only when it is loaded");
  if (of.executable_stack)
    out += row("warning", "executable stack: some images refuse it; link with -Wl,-z,noexecstack");
  if (of.text_relocations)
    out += row("warning", "text relocations: some images refuse them; compile all of it with -fPIC");
  if (of.unique_count > 0)
    out += row("warning", std::to_string(of.unique_count) +
                              " unique C++ symbols leak: link with the SDK's version script");
  for (const auto& name : of.sanitizers)
    out += row("warning", "built for " + name + ": the runner's image must have its runtime");
  return out;
}

std::string functions_of(const Inspection& of) {
  if (!of.manifest) return {};
  std::string out = "\n";
  for (const auto& one : of.manifest->functions) {
    out += one.name + one.signature;
    if (!one.flags.empty()) out += "  [" + one.flags + "]";
    if (!one.guest.empty()) out += "  guest " + one.guest;
    out += "\n";
    if (!one.doc.empty()) out += "    " + one.doc + "\n";
  }
  return printable(out, true);
}

std::string text_of(const Inspection& of, bool all) {
  std::string out;
  if (of.manifest)
    out += row("plugin", of.manifest->name + " " + of.manifest->version + ", needs ABI " +
                             std::to_string(of.manifest->abi_needed));
  out += row("file", of.path);
  out += row("size", std::to_string(of.bytes) + " bytes");
  out += row("sha256", of.sha256.empty() ? "not computed, for that reads all of it: --hash" : of.sha256);
  out += row("machine", of.machine + ", " + std::to_string(of.bits) + "-bit " +
                            (of.little_endian ? "" : "big-endian ") + of.type);
  if (of.isa_level > 0) out += row("isa level", "x86-64-v" + std::to_string(of.isa_level));
  for (const auto& need : of.newest)
    out += row("needs", need.version + " of " + need.library + " (" + listed(need.symbols) + ")");
  out += row("libraries", joined(of.needed));
  out += row("soname", of.soname);
  out += row("rpath", of.rpath);
  out += row("runpath", of.runpath);
  out += row("exports", listed(of.exported));
  out += row("undefined", listed(all ? of.undefined : of.unversioned));
  out += row("build id", of.build_id.empty() ? "none: crash reports cannot be matched" : of.build_id);
  out += row("debug info", of.debug_info ? "yes" : of.stripped ? "no, stripped" : "no");
  return out + warnings_of(of) + functions_of(of);
}

// ---- For scripts ----

json::string text(const std::string& value) { return json::string(printable(value)); }

json::array texts(const std::vector<std::string>& values) {
  json::array out;
  for (const auto& value : values) out.push_back(text(value));
  return out;
}

json::value json_of(const client::Manifest& manifest) {
  json::array functions;
  for (const auto& one : manifest.functions)
    functions.push_back({{"name", text(one.name)},
                         {"signature", text(one.signature)},
                         {"doc", json::string(printable(one.doc, true))},
                         {"flags", text(one.flags)},
                         {"guest", text(one.guest)}});
  return {{"name", text(manifest.name)},
          {"version", text(manifest.version)},
          {"abi_needed", manifest.abi_needed},
          {"functions", functions}};
}

json::value json_of(const Inspection& of) {
  json::array versions, newest;
  for (const auto& one : of.versions)
    versions.push_back({{"library", text(one.library)}, {"version", text(one.version)}, {"weak", one.weak}});
  for (const auto& one : of.newest)
    newest.push_back({{"library", text(one.library)},
                      {"version", text(one.version)},
                      {"symbols", texts(one.symbols.first)}});
  return {{"path", text(of.path)},
          {"size_bytes", of.bytes},
          {"sha256", of.sha256},
          {"machine", of.machine},
          {"bits", of.bits},
          {"little_endian", of.little_endian},
          {"type", of.type},
          {"isa_level", of.isa_level},
          {"exports_entry", of.exports_entry},
          {"manifest", of.manifest ? json_of(*of.manifest) : json::value(nullptr)},
          {"needed", texts(of.needed)},
          {"versions", versions},
          {"newest", newest},
          {"soname", text(of.soname)},
          {"rpath", text(of.rpath)},
          {"runpath", text(of.runpath)},
          {"exported", texts(of.exported.first)},
          {"undefined", texts(of.undefined.first)},
          {"unversioned", texts(of.unversioned.first)},
          {"unique_symbols", of.unique_count},
          {"build_id", of.build_id},
          {"debug_info", of.debug_info},
          {"stripped", of.stripped},
          {"executable_stack", of.executable_stack},
          {"text_relocations", of.text_relocations},
          {"sanitizers", texts(of.sanitizers)}};
}

}  // namespace

const CommandSpec kInspectSpec = {
    "inspect",
    "what a plugin is and what it needs, without running any of it",
    "[OPTIONS] PLUGIN",
    kOptions,
    {},
    "Exit status: 0 done; 125 flame or its arguments; 126 it is not a file that can\n"
    "be read as a plugin; 127 no such file.",
    "flame inspect math.so"};

int inspect_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple(kInspectSpec, argc, argv);
  if (options.has("--help")) return print_help(help_text(kInspectSpec).c_str());
  if (options.operands.size() != 1) throw usage_error(kInspectSpec, "wants one PLUGIN");
  client::OpenPlugin plugin = client::open_plugin(options.operands[0]);
  const bool all = options.has("--all") || options.has("--json");
  // A script gets everything; a person does not wait for what a large file's hash takes.
  const bool hash = options.has("--hash") || options.has("--json") || plugin.key.bytes <= kHashedMaxBytes;
  const Inspection of =
      client::inspect(plugin, all ? std::numeric_limits<std::size_t>::max() : kListed, hash);
  print(options.has("--json") ? json::serialize(json_of(of)) + "\n" : text_of(of, options.has("--all")));
  return 0;
}

}  // namespace flame::cli
