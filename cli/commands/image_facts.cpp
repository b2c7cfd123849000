#include "base/fd.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/simple_options.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/image_scan.hpp"
#include "client/plugin/limits.hpp"

namespace flame::cli {
namespace {

constexpr OptionSpec kOptions[] = {
    {0, "root", 0, "DIR", "the image under this directory (default: /)"},
    {0, "name", 0, "NAME", "what messages call the image"},
    {0, "record", 0, "POOL", "keep the facts in FILE for this pool"},
    {0, "help", 'h', nullptr, "this text"},
};

int record(const SimpleOptions& options) {
  if (options.operands.size() != 1) throw usage_error(kImageFactsSpec, "--record POOL wants one FILE");
  client::ImageFacts facts = client::parse_facts(read_file(options.operands[0], client::kFactsMaxBytes));
  if (facts.source.empty()) facts.source = options.operands[0];
  if (!client::record_facts(options.value("--record"), facts))
    throw Error(ErrorKind::config, "cannot keep the facts of the pool '" + options.value("--record") + "'",
                "set XDG_CACHE_HOME to a directory of your own");
  return 0;
}

}  // namespace

const CommandSpec kImageFactsSpec = {
    "image-facts",
    "what this image offers to plugins, as JSON",
    "[--root DIR] [--name NAME] | --record POOL FILE",
    kOptions,
    {},
    "Run it on the image; give what it prints to 'flame check --against FILE', or\n"
    "keep it by --record: run and map check against it before they boot a machine.\n"
    "Exit status: 0 done; 125 flame or its arguments.",
    "docker run --rm -v \"$PWD/bin:/flame:ro\" my-app \\\n"
    "           /flame/flame image-facts >my-app.facts.json"};

int image_facts_command(int argc, char** argv) {
  const SimpleOptions options = parse_simple(kImageFactsSpec, argc, argv);
  if (options.has("--help")) return print_help(help_text(kImageFactsSpec).c_str());
  if (options.has("--record")) return record(options);
  if (!options.operands.empty()) throw usage_error(kImageFactsSpec, "takes no operands");
  client::ImageFacts facts = client::scan_image(options.has("--root") ? options.value("--root") : "/");
  if (options.has("--name")) facts.source = options.value("--name");
  print(client::facts_json(facts) + "\n");
  return 0;
}

}  // namespace flame::cli
