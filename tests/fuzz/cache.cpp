#include "client/plugin/plugin_cache.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

// Not only damage: the checksum is made right, so that the fields behind it are reached too.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const client::FileKey key{1, 2, 3, 4, 5};
  (void)client::decode_cache_entry(fuzz::view(data, size), key);
  client::PluginFile none;
  std::string entry = client::encode_cache_entry(key, none);
  constexpr std::size_t kHead = 15 + 8, kKey = 40;
  entry.resize(kHead + kKey);
  entry += fuzz::view(data, size);
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (std::size_t i = kHead; i < entry.size(); ++i)
    sum = (sum ^ static_cast<unsigned char>(entry[i])) * 0x100000001b3ULL;
  for (std::size_t i = 0; i < 8; ++i) entry[15 + i] = static_cast<char>(sum >> (8 * i));
  if (const auto file = client::decode_cache_entry(entry, key))
    fuzz::require(client::encode_cache_entry(key, *file).size() <= entry.size());
  return 0;
}
