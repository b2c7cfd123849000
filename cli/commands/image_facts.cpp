#include "base/fd.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/image_scan.hpp"
#include "client/plugin/limits.hpp"

namespace flame::cli {
namespace {

constexpr const char* kHelp = R"(flame image-facts - what this image offers to plugins, as JSON

Usage: flame image-facts [--root DIR] [--name NAME]
       flame image-facts --record POOL FILE

  --root DIR     the image under this directory (default: /)
  --name NAME    what messages call the image
  --record POOL  keep the facts in FILE for this pool: run and map check against
                 them before they boot a machine
  --help         this text

Run it on the image; give what it prints to: flame check --against FILE
Exit status: 0 done; 125 flame or its arguments.

Example: docker run --rm -v "$PWD/bin:/flame:ro" my-app \
           /flame/flame image-facts >my-app.facts.json
)";

int record(const SimpleOptions& options) {
  if (options.operands.size() != 1)
    throw Error(ErrorKind::usage, "image-facts: --record POOL wants one FILE",
                "try 'flame image-facts --help'");
  client::ImageFacts facts = client::parse_facts(read_file(options.operands[0], client::kFactsMaxBytes));
  if (facts.source.empty()) facts.source = options.operands[0];
  if (!client::record_facts(options.value("--record"), facts))
    throw Error(ErrorKind::config, "cannot keep the facts of the pool '" + options.value("--record") + "'",
                "set XDG_CACHE_HOME to a directory of your own");
  return 0;
}

}  // namespace

int image_facts_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple("image-facts", argc, argv, {}, {"--root", "--name", "--record"});
  if (options.has("--help")) return print_help(kHelp);
  if (options.has("--record")) return record(options);
  if (!options.operands.empty())
    throw Error(ErrorKind::usage, "image-facts: takes no operands", "try 'flame image-facts --help'");
  client::ImageFacts facts = client::scan_image(options.has("--root") ? options.value("--root") : "/");
  if (options.has("--name")) facts.source = options.value("--name");
  print(client::facts_json(facts) + "\n");
  return 0;
}

}  // namespace flame::cli
