#include "client/plugin/check.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/error.hpp"
#include "client/plugin/limits.hpp"
#include "client/plugin/search_path.hpp"
#include "client/plugin/symbols.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kSymbolsNamed = 4;
constexpr int kGlibcWithoutExecStack = 41;  // dlopen of glibc 2.41 refuses what wants an executable stack

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// One file of the closure: the plugin, or a library that lies beside it.
struct Member {
  std::string path, name;
  const Elf* elf = nullptr;
  Needs needs;
  std::unique_ptr<OpenPlugin> file;  // of a library: owned here
};

class Check {
 public:
  Check(const ImageFacts& facts, CheckReport& report) : facts_(facts), report_(report) {}

  void run(const OpenPlugin& plugin) {
    Member& first = members_.emplace_back();
    first.path = plugin.path;
    first.name = base_name(plugin.path);
    first.elf = &plugin.elf;
    first.needs = needs_of(plugin.elf, plugin.manifest ? plugin.manifest->abi_needed : 0);
    check_entry(plugin);
    if (facts_.libc == "musl") return musl();
    for (std::size_t i = 0; i < members_.size(); ++i) check_member(members_[i]);
    check_symbols();
  }

 private:
  void add(const char* code, std::string what, std::string why, std::string fix, bool fatal = true) {
    for (const Finding& one : report_.findings)
      if (one.what == what && one.why == why) return;
    report_.findings.push_back({code, std::move(what), std::move(why), std::move(fix), fatal});
  }

  void musl() {
    add("musl", members_[0].name + " needs a glibc image",
        facts_.source + " has musl, and flame runs plugins on glibc only",
        "build the app's image from debian or ubuntu");
  }

  void check_entry(const OpenPlugin& plugin) {
    const std::string& name = members_[0].name;
    if (!plugin.exports_entry)
      add("entry", name + " is not a flame plugin", "it does not define flame_plugin_v1",
          "make it with the SDK; see flame-plugin(3)");
    if (!plugin.manifest && plugin.exports_entry)
      add("manifest", name + " has no manifest", "its functions are known only when it is loaded",
          "build it with the SDK's macros, which leave one", false);
    if (facts_.abi != 0 && members_[0].needs.abi > facts_.abi)
      add("abi", name + " needs ABI " + std::to_string(members_[0].needs.abi),
          facts_.source + " speaks ABI " + std::to_string(facts_.abi),
          "install a newer flame in the image, or build the plugin with an older SDK");
  }

  void check_member(Member& member) {
    const Elf& elf = *member.elf;
    if (!elf.is_64 || !elf.little_endian || elf.type != 3 /* ET_DYN */)
      return add("machine", member.name + " is not a 64-bit shared object", "a runner cannot load it",
                 "build it with: -shared -fPIC");
    const std::string machine = machine_word(elf.machine);
    if (!facts_.machine.empty() && machine != facts_.machine)
      return add("machine", member.name + " is for " + machine_name(elf.machine),
                 facts_.source + " is " + facts_.machine,
                 "build it for that machine, or use a guest of the other kind");
    if (facts_.isa_level != 0 && member.needs.isa_level > facts_.isa_level)
      add("isa", member.name + " needs a CPU of x86-64-v" + std::to_string(member.needs.isa_level),
          facts_.source + " has x86-64-v" + std::to_string(facts_.isa_level),
          "build it with -march=x86-64-v" + std::to_string(facts_.isa_level) +
              " or less, or use another guest");
    check_stack(member);
    if (member.needs.text_relocations)
      add("text-relocations", member.name + " has text relocations", "hardened images refuse them",
          "compile all of it with -fPIC", false);
    for (const auto& library : member.needs.libraries) check_library(member, library);
  }

  void check_stack(const Member& member) {
    if (!member.needs.executable_stack) return;
    const std::string& version = facts_.libc_version;
    const bool refused = facts_.libc == "glibc" && version.starts_with("2.") &&
                         std::atoi(version.c_str() + 2) >= kGlibcWithoutExecStack;
    add("executable-stack", member.name + " wants an executable stack",
        refused ? "glibc " + version + " of " + facts_.source + " refuses to load it"
                : "newer images refuse to load it",
        "link it with -Wl,-z,noexecstack; assembler files need a .note.GNU-stack section", refused);
  }

  void check_library(const Member& member, const std::string& library) {
    // As the loader does: RUNPATH first, then what the image has.
    if (const auto beside = find_beside(member.path, member.needs.search_path, library))
      return check_beside(member, library, *beside);
    if (const LibraryFacts* there = facts_.find(library)) {
      check_versions(member, library, *there, facts_.source);
      if (facts_.complete && !facts_.base) check_image_closure(library);
      return;
    }
    if (!facts_.complete) return;
    if (is_sanitizer(library))
      return add("sanitizer", member.name + " needs " + library + ", a sanitizer's runtime",
                 facts_.source + " does not have it", "install it in the image, or build without -fsanitize");
    add("library", member.name + " needs " + library,
        facts_.source + (facts_.base ? " does not have it by itself" : " does not have it"),
        "add the package that has it to the image, lay it beside the plugin with RUNPATH $ORIGIN, or link it "
        "in statically");
  }

  static bool is_sanitizer(const std::string& library) {
    for (const char* mark : {"libasan.so", "libubsan.so", "libtsan.so", "liblsan.so", "libclang_rt."})
      if (library.starts_with(mark)) return true;
    return false;
  }

  // A library of the plugin's own: it travels along, so what it needs counts too.
  void check_beside(const Member& member, const std::string& library, const std::string& path) {
    Member* known = nullptr;
    for (Member& one : members_)
      if (one.path == path) known = &one;
    if (known == nullptr) {
      if (members_.size() >= kClosureMaxCount) return;
      Member fresh;
      fresh.file = std::make_unique<OpenPlugin>(open_plugin(path));
      fresh.path = path;
      fresh.name = base_name(path);
      fresh.elf = &fresh.file->elf;
      fresh.needs = needs_of(fresh.file->elf, 0);
      report_.beside.push_back(path);
      known = &members_.emplace_back(std::move(fresh));
    }
    LibraryFacts defines;
    for (const auto version : known->elf->version_definitions) defines.versions.emplace_back(version);
    check_versions(member, library, defines, path);
  }

  void check_versions(const Member& member, const std::string& library, const LibraryFacts& there,
                      const std::string& where) {
    for (const VersionNeed& need : member.needs.versions) {
      if (need.library != library || need.weak || there.has(need.version)) continue;
      // The newest of a family says it all.
      bool newer = false;
      for (const VersionNeed& other : member.needs.versions)
        newer = newer || (other.library == library && !other.weak && !there.has(other.version) &&
                          version_family(other.version) == version_family(need.version) &&
                          compare_versions(need.version, other.version) < 0);
      if (!newer) add_version(member, need, there.newest_of(need.version), where);
    }
  }

  void add_version(const Member& member, const VersionNeed& need, const std::string& newest,
                   const std::string& where) {
    std::string symbols;
    const auto users = symbols_that_need(*member.elf, need.library, need.version);
    for (std::size_t i = 0; i < users.size() && i < kSymbolsNamed; ++i)
      symbols += (i == 0 ? " (" : ", ") + demangle(users[i]);
    if (users.size() > kSymbolsNamed)
      symbols += " and " + std::to_string(users.size() - kSymbolsNamed) + " more";
    if (!users.empty()) symbols += ")";
    const std::string has = newest.empty() ? where + "'s " + need.library + " has no such version"
                                           : "the newest of " + where + " is " + newest;
    const bool runtime = need.library == "libstdc++.so.6" || need.library == "libgcc_s.so.1";
    add("version", member.name + " needs " + need.version + " of " + need.library + symbols, has,
        runtime ? "build it on the image's base, or link it with -static-libstdc++ -static-libgcc"
                : "build it on the image's base, or on an older Debian or Ubuntu");
  }

  // A reference to a library with versions carries one. One without comes from a library that has none, or
  // from nowhere.
  void check_symbols() {
    std::set<std::string_view> defined;
    for (const Member& member : members_) {
      for (const auto& library : member.needs.libraries)
        if (!find_beside(member.path, member.needs.search_path, library) && may_lack_versions(library))
          return;
      for (const auto name : symbol_table(*member.elf).exported) defined.insert(name);
    }
    for (const Member& member : members_) {
      std::vector<std::string_view> missing;
      for (const auto name : symbol_table(*member.elf).unversioned)
        if (defined.count(name) == 0) missing.push_back(name);
      if (!missing.empty()) add_missing(member, missing);
    }
  }

  bool may_lack_versions(const std::string& library) const {
    const LibraryFacts* there = facts_.find(library);
    if (there == nullptr || !there->versions_known || there->versions.empty()) return true;
    for (const auto& needed : there->needed) {
      const LibraryFacts* below = facts_.find(needed);
      if (below == nullptr || !below->versions_known || below->versions.empty()) return true;
    }
    return false;
  }

  void add_missing(const Member& member, const std::vector<std::string_view>& missing) {
    const auto runtimes = symbol_table(*member.elf).sanitizers;
    std::string what = member.name + " uses " + demangle(missing[0]);
    if (missing.size() > 1) what += " and " + std::to_string(missing.size() - 1) + " more";
    if (!runtimes.empty())
      return add("sanitizer", what,
                 "it is built for " + runtimes[0] + " and names no library with its runtime",
                 "build it without -fsanitize, or with the shared runtime and that in the image");
    add("symbol", what, "no library that it needs defines that",
        "link what is missing; -Wl,-z,defs tells when it is built");
  }

  // The libraries that the image's own libraries need.
  void check_image_closure(const std::string& from) {
    std::deque<std::string> queue = {from};
    while (!queue.empty()) {
      const std::string library = queue.front();
      queue.pop_front();
      const LibraryFacts* there = facts_.find(library);
      if (there == nullptr || !visited_.insert(library).second) continue;
      for (const auto& needed : there->needed) {
        if (facts_.find(needed) == nullptr)
          add("library", library + " of " + facts_.source + " needs " + needed,
              facts_.source + " does not have it", "add the package that has it to the image");
        queue.push_back(needed);
      }
    }
  }

  const ImageFacts& facts_;
  CheckReport& report_;
  std::deque<Member> members_;
  std::set<std::string> visited_;
};

}  // namespace

bool CheckReport::fatal() const {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& one) { return one.fatal; });
}

CheckReport check_plugin(const OpenPlugin& plugin, const ImageFacts& facts) {
  CheckReport report;
  Check(facts, report).run(plugin);
  return report;
}

bool may_not_load(const Needs& needs, const ImageFacts& facts) {
  if (facts.libc == "musl" || needs.executable_stack) return true;
  if (!facts.machine.empty() && machine_word(needs.machine) != facts.machine) return true;
  if ((facts.abi != 0 && needs.abi > facts.abi) ||
      (facts.isa_level != 0 && needs.isa_level > facts.isa_level))
    return true;
  for (const auto& library : needs.libraries)
    if (facts.complete && (facts.find(library) == nullptr || !needs.search_path.empty())) return true;
  for (const auto& need : needs.versions) {
    const LibraryFacts* there = facts.find(need.library);
    if (there != nullptr && !there->has(need.version)) return true;
  }
  return false;
}

Error unloadable_there(const std::string& plugin, const CheckReport& report) {
  const auto first = std::find_if(report.findings.begin(), report.findings.end(),
                                  [](const Finding& one) { return one.fatal; });
  Error error(first->code == "abi" ? ErrorKind::abi_mismatch : ErrorKind::plugin_unloadable,
              first->what + "; " + first->why, first->fix);
  for (auto one = first + 1; one != report.findings.end(); ++one)
    if (one->fatal) error.context("also: " + one->what + "; " + one->why);
  error.context("nothing was started; see: flame check " + plugin);
  error.at_phase("find");
  return error;
}

}  // namespace flame::client
