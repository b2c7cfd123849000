// /v1/plugins/SHA256: what the store holds, and a way in for curl (PROTOCOL.md §7).
#pragma once
#include <memory>

#include "runner/http.hpp"

namespace flame::runner {

void plugin_facts(Runner& runner, const ExchangePtr& exchange);                          // GET and HEAD
std::unique_ptr<BodySink> open_plugin_body(Runner& runner, const HttpRequest& request);  // PUT

}  // namespace flame::runner
