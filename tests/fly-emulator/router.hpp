// From a request to its handler: path, token, app, limits, faults.
#pragma once
#include "http.hpp"
#include "world.hpp"

namespace flame::fly {

void handle_request(World& world, Request request, Answer answer);

}  // namespace flame::fly
