// POST /v1/run: one call, as curl alone can make it.
#pragma once
#include <string_view>

#include "runner/http.hpp"

namespace flame::runner {

void run_by_post(Runner& runner, const ExchangePtr& exchange);

// The text of a top-level member of a JSON object that is known to be valid; empty when it has none. Numbers
// keep every digit that way.
std::string_view raw_member(std::string_view object, std::string_view key);

}  // namespace flame::runner
