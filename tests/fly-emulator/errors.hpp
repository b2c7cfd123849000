// The API's refusals, word for word, each in its own shape (fact sheet §2.6).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flame::fly {

struct ApiError {
  unsigned status = 500;
  std::string body;  // JSON
};

// {"error": text} and, where there is one, {"status": code}.
ApiError api_error(unsigned status, std::string_view text, std::string_view code = {});

ApiError bad_request(std::string_view text);                           // 400
ApiError wrong_type(std::string_view found, std::string_view wanted);  // 400, as Go's json says it
ApiError precondition(std::string_view text);                          // 412 failed_precondition: …
ApiError machine_not_found();
ApiError app_not_found();
ApiError name_in_use(std::string_view id, std::string_view name);
ApiError lease_held(std::string_view id, std::string_view owner, std::int64_t expires_at_s);
ApiError cannot_start_from(std::string_view state);
ApiError wait_expired(std::string_view wanted, std::string_view current);
ApiError rate_limited();

// Capacity by its name in a fault: insufficient_capacity race no_capacity legacy quota host_full volume
// payment maintenance. Status 0 when there is no such name.
ApiError capacity_error(std::string_view name, std::string_view region, std::string_view org);

}  // namespace flame::fly
