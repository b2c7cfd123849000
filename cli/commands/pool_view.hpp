// A pool as `flame pool top` shows it.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/pool/keeper.hpp"

namespace flame::cli {

boost::json::object pool_view(const client::Keeper& keeper);  // the object of --json
std::vector<std::string> view_lines(const boost::json::object& view);

}  // namespace flame::cli
