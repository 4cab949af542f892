// The criteria behind the registry in criterion.cpp, one source file each.
#pragma once
#include <memory>

#include "espalier/prune/criterion.hpp"

namespace espalier::prune {

std::unique_ptr<Criterion> make_magnitude();
std::unique_ptr<Criterion> make_random();

}  // namespace espalier::prune
