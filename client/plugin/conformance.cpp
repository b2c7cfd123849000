#include "client/plugin/conformance.hpp"

#include <fnmatch.h>
#include <unistd.h>

#include <set>

#include "base/error.hpp"
#include "client/call.hpp"
#include "client/plugin/conformance_runner.hpp"
#include "client/plugin/sample_values.hpp"
#include "client/plugin/symbols.hpp"
#include "wire/limits.hpp"

namespace flame::client {
namespace {

constexpr std::uint64_t kGrowthMaxBytes = 4ULL
                                          << 20;  // over all repeats: an allocator needs some room to settle

CaseResult result(Outcome outcome, std::string text = {}) { return {"", outcome, std::move(text)}; }

bool valid_name(const std::string& name) {
  if (name.empty() || name.size() > wire::kFunctionNameMaxBytes) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!letter(name[0])) return false;
  for (const char c : name)
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-') return false;
  return true;
}

// ---- Cases that read the file ----

CaseResult manifest_case(const OpenPlugin& plugin) {
  if (!plugin.exports_entry) return result(Outcome::failed, "it does not export flame_plugin_v1");
  if (!plugin.manifest)
    return result(Outcome::warned, "it has none: its functions are known only when it is loaded");
  std::set<std::string> seen;
  for (const auto& one : plugin.manifest->functions) {
    if (!valid_name(one.name))
      return result(Outcome::failed, "'" + one.name + "' is not a name for a function");
    if (!seen.insert(one.name).second) return result(Outcome::failed, "it lists '" + one.name + "' twice");
  }
  return seen.empty() ? result(Outcome::warned, "it lists no functions") : result(Outcome::passed);
}

CaseResult symbols_case(const OpenPlugin& plugin) {
  const SymbolTable table = symbol_table(plugin.elf);
  std::string names;
  std::size_t leaked = 0;
  for (const auto name : table.exported) {
    if (name == "flame_plugin_v1") continue;
    if (++leaked <= 3) names += (names.empty() ? "" : ", ") + demangle(name);
  }
  if (leaked == 0) return result(Outcome::passed);
  return result(Outcome::warned, "it exports " + std::to_string(leaked) +
                                     " more symbols than flame_plugin_v1 (" + names +
                                     (leaked > 3 ? ", …" : "") + "): link it with the SDK's version script");
}

// ---- Cases that call ----

struct Function {
  std::string name;
  wire::Signature signature;
  bool streaming = false;
};

class Cases {
 public:
  Cases(ConformanceRunner& runner, const ConformanceOptions& options) : runner_(runner), options_(options) {}

  // One call in a worker of its own. nullopt: done.
  std::optional<Error> call(const Function& function, const std::string& arguments) {
    return runner_.call(function.name, arguments, deadline());
  }

  CaseResult load() {
    const auto error = runner_.call("flame.no-such-function", "[]", deadline());
    if (!error || error->kind == ErrorKind::unknown_function) return result(Outcome::passed);
    return of(*error);
  }

  CaseResult count(const Function& function) {
    const std::string sample = sample_arguments(function.signature);
    const std::string inside = sample.substr(1, sample.size() - 2);
    if (const auto bad =
            refused(function, "[" + inside + (inside.empty() ? "1]" : ",1]"), "one argument too many"))
      return *bad;
    std::size_t least = function.signature.parameters.size();
    while (least > 0 && function.signature.parameters[least - 1].type.optional) --least;
    if (least == 0) return result(Outcome::passed);
    return refused(function, "[]", "no arguments").value_or(result(Outcome::passed));
  }

  CaseResult types(const Function& function) {
    const auto& parameters = function.signature.parameters;
    bool any = false;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!wrong_value(parameters[i].type)) continue;
      any = true;
      if (auto bad = refused(function, sample_arguments(function.signature, i),
                             "a wrong type for '" + parameters[i].name + "'"))
        return *bad;
    }
    return any ? result(Outcome::passed)
               : result(Outcome::skipped, "no parameter has a type that refuses anything");
  }

  CaseResult answer(const Function& function) {
    const std::string arguments = sample_arguments(function.signature);
    const auto error = call(function, arguments);
    if (!error) return result(Outcome::passed);
    if (error->kind == ErrorKind::failed)
      return result(Outcome::passed, "it refused " + arguments + ": " + error->message);
    if (error->kind == ErrorKind::timed_out)
      return result(Outcome::skipped, "it runs longer than " + std::to_string(options_.case_timeout_ms) +
                                          " ms with " + arguments);
    return of(*error);
  }

  CaseResult cancel(const Function& function) {
    const auto end = runner_.cancel(function.name, sample_arguments(function.signature), deadline());
    switch (end.what) {
      case ConformanceRunner::CancelEnd::done_before:
        return result(Outcome::skipped, "it was done before it could be cancelled");
      case ConformanceRunner::CancelEnd::heeded:
        return result(Outcome::passed);
      case ConformanceRunner::CancelEnd::killed:
        return result(Outcome::warned, "it did not ask cancelled(), so that its worker was killed");
      case ConformanceRunner::CancelEnd::other:
        break;
    }
    return of(*end.error);
  }

  CaseResult repeats(const Function& function) {
    const auto end =
        runner_.repeat(function.name, sample_arguments(function.signature), options_.repeats, deadline());
    if (end.error && end.error->kind == ErrorKind::failed)
      return result(Outcome::skipped, "it refuses sample arguments: " + end.error->message);
    if (end.error && end.error->kind == ErrorKind::timed_out && end.done == 0)
      return result(Outcome::skipped,
                    "one call runs longer than " + std::to_string(options_.case_timeout_ms) + " ms");
    if (end.error && end.error->kind != ErrorKind::timed_out) return of(*end.error);
    const std::string counts = std::to_string(end.done) +
                               " calls: " + std::to_string(end.before_bytes >> 10) + " KiB, then " +
                               std::to_string(end.after_bytes >> 10) + " KiB";
    if (end.after_bytes > end.before_bytes + kGrowthMaxBytes)
      return result(Outcome::failed, "its worker grew: " + counts);
    if (end.error) return result(Outcome::warned, "only " + counts + ", in the time that a case has");
    return result(Outcome::passed, counts);
  }

 private:
  Deadline deadline() const { return Deadline::in(milliseconds(options_.case_timeout_ms)); }

  static CaseResult of(const Error& error) {
    const bool died = error.kind == ErrorKind::crashed || error.kind == ErrorKind::exited ||
                      error.kind == ErrorKind::out_of_memory;
    return result(died ? Outcome::crashed : Outcome::failed, error.message);
  }

  // nullopt when the call was refused for its arguments, as it should.
  std::optional<CaseResult> refused(const Function& function, const std::string& arguments,
                                    const std::string& what) {
    const auto error = call(function, arguments);
    if (!error) return result(Outcome::failed, "it took " + what + ": " + arguments);
    if (error->kind == ErrorKind::bad_arguments) return std::nullopt;
    return of(*error);
  }

  ConformanceRunner& runner_;
  const ConformanceOptions& options_;
};

struct Case {
  std::string name;
  std::function<CaseResult(Cases&)> run;
};

void add_function(std::vector<Case>& out, const ManifestFunction& entry) {
  const std::string& name = entry.name;
  Function function{name, {}, entry.streaming()};
  try {
    function.signature = wire::parse_signature(entry.signature);
  } catch (const Error& error) {
    out.push_back(
        {name + "/signature", [why = error.message](Cases&) { return result(Outcome::failed, why); }});
    return;
  }
  out.push_back({name + "/signature", [](Cases&) { return result(Outcome::passed); }});
  out.push_back({name + "/count", [function](Cases& cases) { return cases.count(function); }});
  out.push_back({name + "/types", [function](Cases& cases) { return cases.types(function); }});
  out.push_back({name + "/result", [function](Cases& cases) { return cases.answer(function); }});
  out.push_back({name + "/cancel", [function](Cases& cases) { return cases.cancel(function); }});
  out.push_back({name + "/repeats", [function](Cases& cases) { return cases.repeats(function); }});
}

std::vector<Case> cases_of(const OpenPlugin& plugin) {
  std::vector<Case> out;
  out.push_back({"manifest", [&plugin](Cases&) { return manifest_case(plugin); }});
  out.push_back({"symbols", [&plugin](Cases&) { return symbols_case(plugin); }});
  out.push_back({"load", [](Cases& cases) { return cases.load(); }});
  if (plugin.manifest)
    for (const auto& entry : plugin.manifest->functions) add_function(out, entry);
  return out;
}

}  // namespace

const char* outcome_name(Outcome outcome) {
  constexpr const char* names[] = {"passed", "warned", "failed", "skipped", "crashed"};
  return names[static_cast<std::size_t>(outcome)];
}

std::vector<std::string> conformance_cases(const OpenPlugin& plugin) {
  std::vector<std::string> out;
  for (const Case& one : cases_of(plugin)) out.push_back(one.name);
  return out;
}

void run_conformance(OpenPlugin& plugin, const ConformanceOptions& options,
                     const std::function<void(const CaseResult&)>& told) {
  ConformanceRunner runner(plugin.path, plugin.sha256());
  Cases cases(runner, options);
  for (const Case& one : cases_of(plugin)) {
    if (!options.only.empty() && ::fnmatch(options.only.c_str(), one.name.c_str(), 0) != 0) continue;
    CaseResult got;
    try {
      got = one.run(cases);
    } catch (const Error& error) {
      got = result(Outcome::failed, error.message);
    }
    got.name = one.name;
    told(got);
  }
}

}  // namespace flame::client
