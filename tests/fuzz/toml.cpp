// flame.toml, through the parser, the keys and their values.
#include "client/config/config.hpp"
#include "client/config/pool_keys.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::answered([&] {
    client::Config config;
    (void)client::apply_config_text(fuzz::view(data, size), "flame.toml", config);
    for (const client::PoolKey& key : client::pool_keys()) (void)client::show_pool_key(config.pool, key);
  });
  return 0;
}
