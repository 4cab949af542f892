// The terms behind the registry in regulariser.cpp, one source file each.
#pragma once
#include <memory>

#include "espalier/train/regulariser.hpp"

namespace espalier::train {

std::shared_ptr<const Regulariser> make_group_lasso(const RegulariserOptions& options);
std::shared_ptr<const Regulariser> make_l1(const RegulariserOptions& options);
std::shared_ptr<const Regulariser> make_l2(const RegulariserOptions& options);
std::shared_ptr<const Regulariser> make_spr(const RegulariserOptions& options);

}  // namespace espalier::train
