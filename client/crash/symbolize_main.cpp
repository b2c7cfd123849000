// flame-symbolize: names the frames of a crash. Started by flame after a crash only, so that libdw costs
// nothing before. Reads {"frames":[{"offset":N,"build_id":"…","candidates":["FILE",…]}]} on stdin and writes
// {"frames":[{"places":[{"function","file","line"}],"why":"…"}]} on stdout.
#include <boost/json.hpp>
#include <map>

#include "base/fd.hpp"
#include "client/crash/symbols.hpp"

using namespace flame;
using client::Symbols;
namespace json = boost::json;

namespace {

constexpr std::size_t kRequestMaxBytes = 1024 * 1024;

class Library {
 public:
  // The candidate with the build id, best one with lines; nullptr with a reason.
  Symbols* find(const std::string& build_id, const json::array& candidates, std::string& why) {
    Symbols* best = nullptr;
    why = "no file with its build id is here";
    for (const auto& item : candidates) {
      const std::string path = json::value_to<std::string>(item);
      Symbols* one = open(path);
      if (one == nullptr) continue;
      if (build_id.empty() || one->build_id() != build_id) {
        why = build_id.empty() ? "it has no build id" : "'" + path + "' has another build id";
        continue;
      }
      if (best == nullptr) best = one;
      if (!best->has_lines() && one->has_lines()) best = one;
    }
    if (best != nullptr) why = best->has_lines() ? "" : "no debug information";
    return best;
  }

 private:
  Symbols* open(const std::string& path) {
    const auto [known, is_new] = open_.try_emplace(path);
    if (is_new) known->second = Symbols::open(path);
    return known->second.get();
  }
  std::map<std::string, std::unique_ptr<Symbols>> open_;
};

json::object name_frame(Library& library, const json::object& frame) {
  std::string why;
  const auto* id = frame.if_contains("build_id");
  Symbols* symbols = library.find(id != nullptr ? json::value_to<std::string>(*id) : "",
                                  frame.at("candidates").as_array(), why);
  json::array places;
  if (symbols != nullptr)
    for (const auto& place : symbols->find(frame.at("offset").to_number<std::uint64_t>()))
      places.push_back({{"function", place.function}, {"file", place.file}, {"line", place.line}});
  return {{"places", places}, {"why", why}};
}

}  // namespace

int main() {
  try {
    const json::value request = json::parse(read_fd(0, kRequestMaxBytes));
    Library library;
    json::array frames;
    for (const auto& frame : request.at("frames").as_array())
      frames.push_back(name_frame(library, frame.as_object()));
    return write_all(1, json::serialize(json::object{{"frames", frames}})) ? 0 : 1;
  } catch (const std::exception&) {
    return 1;  // flame shows the frames without names
  }
}
