// The bounds methods; registered in bounds.cpp.
#pragma once
#include <memory>

#include "espalier/bounds/bounds.hpp"

namespace espalier::bounds {

std::unique_ptr<BoundsMethod> make_box();
std::unique_ptr<BoundsMethod> make_l1();
std::unique_ptr<BoundsMethod> make_symbolic();
std::unique_ptr<BoundsMethod> make_symbolic_opt();

}  // namespace espalier::bounds
