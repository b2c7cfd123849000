// What a keeper tells monitors.
#pragma once
#include <string>

#include "client/pool/keeper.hpp"
#include "client/pool/status_server.hpp"

namespace flame::client {

std::string keep_metrics(const Keeper& keeper, const KeepCounters& counters);  // Prometheus text format
// /healthz: 503 with the reason while the engine does not answer, or boots fail and there are fewer than min.
StatusPage keep_page(std::string_view path, const Keeper& keeper, const KeepCounters& counters);

}  // namespace flame::client
