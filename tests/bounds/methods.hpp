// The kinds of bounds of this module, loosest first.
#pragma once
#include <memory>
#include <vector>

#include "espalier/bounds/bounds.hpp"

namespace espalier::bounds {

inline std::vector<std::unique_ptr<BoundsMethod>> propagated_methods() {
  std::vector<std::unique_ptr<BoundsMethod>> methods;
  methods.push_back(make_interval_box());
  methods.push_back(make_interval());
  methods.push_back(make_crown());
  methods.push_back(make_alpha_crown());
  return methods;
}

}  // namespace espalier::bounds
