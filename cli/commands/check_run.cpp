// flame check --run: the rules of the ABI, tried on the plugin.
#include "cli/commands/check_run.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/plugin/conformance.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
using client::CaseResult;
using client::Outcome;

client::ConformanceOptions options_from(const SimpleOptions& given) {
  client::ConformanceOptions out;
  out.only = given.value("--only");
  if (given.has("--repeats")) {
    const std::string text = given.value("--repeats");
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out.repeats);
    if (why != std::errc() || end != text.data() + text.size() || out.repeats < 10)
      throw usage_error(kCheckSpec, "--repeats wants a number of at least 10, got '" + text + "'");
  }
  if (given.has("--case-timeout")) {
    const auto ms = parse_duration_ms(given.value("--case-timeout"));
    if (!ms) throw usage_error(kCheckSpec, "--case-timeout wants a duration such as 30s");
    out.case_timeout_ms = *ms;
  }
  return out;
}

std::string line_of(const CaseResult& one) {
  std::string out = client::outcome_name(one.outcome);
  out.resize(9, ' ');
  return out + printable(one.name) + (one.text.empty() ? "" : ": " + printable(one.text)) + "\n";
}

json::object object_of(const CaseResult& one) {
  return {{"name", printable(one.name)},
          {"outcome", client::outcome_name(one.outcome)},
          {"text", printable(one.text)}};
}

}  // namespace

int list_cases(const client::OpenPlugin& plugin) {
  std::string out;
  for (const auto& name : client::conformance_cases(plugin)) out += printable(name) + "\n";
  print(out);
  return 0;
}

int check_run(client::OpenPlugin& plugin, const SimpleOptions& given) {
  const client::ConformanceOptions options = options_from(given);
  client::refuse_unloadable(plugin);
  const bool as_json = given.has("--json");
  std::array<std::size_t, 5> counts{};
  json::array cases;
  client::run_conformance(plugin, options, [&](const CaseResult& one) {
    ++counts[static_cast<std::size_t>(one.outcome)];
    if (as_json)
      cases.push_back(object_of(one));
    else
      print(line_of(one));
  });
  json::object summary;
  std::string text;
  std::size_t all = 0;
  for (const Outcome outcome :
       {Outcome::passed, Outcome::warned, Outcome::failed, Outcome::skipped, Outcome::crashed}) {
    const std::size_t count = counts[static_cast<std::size_t>(outcome)];
    all += count;
    summary[client::outcome_name(outcome)] = count;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + client::outcome_name(outcome);
  }
  if (all == 0)
    throw Error(ErrorKind::usage, "check: no case is named like '" + options.only + "'",
                "list them with: flame check --cases PLUGIN");
  if (as_json)
    print(json::serialize(json::object{{"cases", cases}, {"counts", summary}}) + "\n");
  else
    print(text + "\n");
  const bool bad =
      counts[static_cast<std::size_t>(Outcome::failed)] + counts[static_cast<std::size_t>(Outcome::crashed)] >
      0;
  return bad ? 126 : 0;
}

}  // namespace flame::cli
