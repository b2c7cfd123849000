// What the image of a pool's runners offers to plugins, told by a worker there: the plugin flame-image.so is
// sent to it like any other.
#pragma once
#include "client/plugin/facts.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

// Complete facts; where that plugin cannot run there, what the runner's hello tells. Throws Error(lost,
// unreachable, refused) when the runner is gone.
ImageFacts facts_of(Pool& pool, const Runner& runner, Deadline deadline);

// For the checks before a boot: keeps the facts of a runner that is ready, unless those of its generation are
// kept. Not for the local engine, whose image is this computer and changes under us. Never throws.
void record_image(Pool& pool, Deadline deadline) noexcept;

}  // namespace flame::client
