// The plugin flame-image.so: sent to a runner, it tells what the runner's image offers to plugins. So an
// image needs nothing for it, and what is told is what a worker there sees.
#include <flame/plugin.hpp>

#include "client/plugin/image_scan.hpp"

static std::string image_facts() { return flame::client::facts_json(flame::client::scan_image("/")); }

FLAME_PLUGIN("flame-image", "1.0",
             flame::function("image_facts", image_facts).doc("What this image offers to plugins, as JSON."))
