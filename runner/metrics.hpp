// What a runner tells of itself: GET /v1/info and GET /metrics.
#pragma once
#include <string>

#include "runner/runner.hpp"

namespace flame::runner {

std::string info_json(const Runner& runner);
std::string metrics_text(const Runner& runner);  // Prometheus text format

}  // namespace flame::runner
