// What keeps a plugin from more than it needs, applied before it is loaded.
//   off      nothing
//   default  no new privileges, no core files, a sane number of descriptors
//   strict   and: files only where the system's libraries, the plugin and temporary files are (landlock); no
//            sockets, no new namespaces, no tracing, no kernel interfaces that a function does not need
//            (seccomp)
#pragma once
#include <string>

namespace flame::worker {

// How much of `strict` this kernel has.
struct SandboxFeatures {
  int landlock_abi = 0;  // 0: none
  bool seccomp = false;
};
SandboxFeatures sandbox_features();

// level: "off", "default", "strict", or "strict:DIR:DIR…" with more directories that may be read. plugin: the
// file that will be loaded; its directory may be read. What the kernel lacks is left out; what it has and
// refuses is Error(system).
void apply_sandbox(const std::string& level, const std::string& plugin);

}  // namespace flame::worker
