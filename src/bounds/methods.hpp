// The bounds methods; registered in bounds.cpp.
#pragma once
#include <memory>

#include "espalier/bounds/bounds.hpp"

namespace espalier::bounds {

std::unique_ptr<BoundsMethod> make_interval_box();
std::unique_ptr<BoundsMethod> make_interval();
std::unique_ptr<BoundsMethod> make_crown();
std::unique_ptr<BoundsMethod> make_alpha_crown();

}  // namespace espalier::bounds
