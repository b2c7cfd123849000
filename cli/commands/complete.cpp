// flame __complete: what the shells' completion scripts ask. Never an error: a completion that cannot be made
// is none.
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/check.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

std::string first_line(const std::string& text) { return printable(text.substr(0, text.find('\n'))); }

// "name<TAB>what it is", one a line.
std::string functions_of(const std::string& plugin) {
  std::string out;
  const client::OpenPlugin open = client::open_plugin(plugin);
  if (!open.manifest) return out;
  for (const auto& one : open.manifest->functions)
    out += printable(one.name) + "\t" + printable(one.signature) + (one.doc.empty() ? "" : "  ") +
           first_line(one.doc) + "\n";
  return out;
}

// "name: type", one a line, in their order.
std::string parameters_of(const std::string& plugin, const std::string& function) {
  std::string out;
  const client::OpenPlugin open = client::open_plugin(plugin);
  if (!open.manifest) return out;
  for (const auto& one : open.manifest->functions) {
    if (one.name != function) continue;
    for (const auto& parameter : wire::parse_signature(one.signature).parameters)
      out += printable(parameter.name + ": " + wire::to_string(parameter.type)) + "\n";
  }
  return out;
}

std::string bases() {
  std::string out;
  for (const auto& name : client::base_names()) out += name + "\n";
  return out;
}

}  // namespace

int complete_command(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  std::string out;
  try {
    if (what == "functions" && argc == 3) out = functions_of(argv[2]);
    if (what == "parameters" && argc == 4) out = parameters_of(argv[2], argv[3]);
    if (what == "bases" && argc == 2) out = bases();
  } catch (const Error&) {
    return 0;
  }
  print(out);
  return 0;
}

}  // namespace flame::cli
