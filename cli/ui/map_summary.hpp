// What a map has to say at its end.
#pragma once
#include <string>

#include "client/map/map.hpp"

namespace flame::cli {

// A few lines for people.
std::string map_summary(const client::MapOutcome& outcome);

}  // namespace flame::cli
