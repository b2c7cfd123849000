#include "base/process.hpp"
#include "client/plugin/check.hpp"

namespace flame::client {

void check_worker(CheckReport& report, const ImageFacts& facts) {
  const std::string path =
      find_near_own({"/../libexec/flame/flame-worker", "/../runner/worker/flame-worker"}, R_OK);
  if (path.empty() || !facts.base) return;
  const OpenPlugin worker = open_plugin(path);
  const VersionNeed* lacking = nullptr;
  const Needs needs = needs_of(worker.elf, 0);
  for (const VersionNeed& need : needs.versions) {
    const LibraryFacts* library = facts.find(need.library);
    if (library == nullptr || need.weak || library->has(need.version)) continue;
    if (lacking == nullptr || compare_versions(lacking->version, need.version) < 0) lacking = &need;
  }
  if (lacking == nullptr) return;
  report.findings.push_back(
      {"worker", "flame-worker of this flame needs " + lacking->version + " of " + lacking->library,
       "the newest of " + facts.source + " is " + facts.find(lacking->library)->newest_of(lacking->version) +
           ", and plugins run in flame-worker",
       "put a flame into the image that was built on " + facts.source + ", or on an older system", false});
}

}  // namespace flame::client
