#include "client/plugin/manifest.hpp"

#include "client/plugin/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::answered([&] {
    const client::Manifest manifest = client::parse_manifest(fuzz::view(data, size));
    fuzz::require(manifest.abi_needed >= 1 && manifest.functions.size() <= client::kManifestFunctionMaxCount);
    for (const auto& one : manifest.functions) fuzz::require(!one.name.empty());
  });
  return 0;
}
