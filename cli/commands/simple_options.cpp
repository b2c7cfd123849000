#include "cli/commands/simple_options.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::cli {
namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

SimpleOptions parse_simple(const std::string& command, int argc, char** argv,
                           const std::vector<std::string>& flags, const std::vector<std::string>& valued) {
  const std::string try_help = "try 'flame " + command + " --help'";
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    return Error(ErrorKind::usage, command + ": " + why, hint);
  };
  SimpleOptions out;
  bool ended = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (ended || word.size() < 2 || word[0] != '-') {
      out.operands.push_back(word);
      continue;
    }
    if (word == "--") {
      ended = true;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals == std::string::npos && (name == "--help" || among(flags, name))) {
      out.given[name] = "";
    } else if (among(valued, name)) {
      if (equals == std::string::npos && i + 1 == argc)
        throw refuse("option '" + name + "' wants a value", try_help);
      out.given[name] = equals == std::string::npos ? argv[++i] : word.substr(equals + 1);
    } else {
      std::vector<std::string> all = flags;
      all.insert(all.end(), valued.begin(), valued.end());
      all.push_back("--help");
      const auto near = nearest(name, all);
      throw refuse("unknown option '" + word + "'", near ? "did you mean '" + *near + "'?" : try_help);
    }
  }
  return out;
}

}  // namespace flame::cli
