// A plugin whose file changed while it was called.
#pragma once
#include <string>

#include "client/plugin/supply.hpp"

namespace flame::cli {

// Says on stderr what that meant. during: "the call ran"; what: what ran with the old bytes.
void tell_change(const std::string& path, client::Supply::Change change, const std::string& during,
                 const std::string& what);

}  // namespace flame::cli
