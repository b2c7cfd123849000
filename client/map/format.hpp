// One item's result as it is printed.
#pragma once
#include <string>

#include "client/map/map.hpp"

namespace flame::client {

// Appends the printed form of an item that has ended; result is its body (as `result` frames brought it).
void append_result(std::string& out, const MapSettings& settings, const Item& item, std::string_view result,
                   std::string_view runner, double ms);

// The text of an item as people see it: cut to a line's length, control characters shown.
std::string shown_item(std::string_view text);

}  // namespace flame::client
