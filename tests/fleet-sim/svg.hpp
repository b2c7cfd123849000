// A timeline as a picture: runners that are ready, calls that run, calls that wait.
#pragma once
#include <string>

#include "simulation.hpp"

namespace flame::sim {

std::string timeline_svg(const std::string& title, const Outcome& outcome, double fixed_count);

}  // namespace flame::sim
