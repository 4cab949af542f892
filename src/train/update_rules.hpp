// The rules behind the registry in update_rule.cpp, one source file each.
#pragma once
#include <memory>

#include "espalier/train/update_rule.hpp"

namespace espalier::train {

std::unique_ptr<UpdateRule> make_adam(const UpdateRuleOptions& options, std::size_t parameters);
std::unique_ptr<UpdateRule> make_sgd(const UpdateRuleOptions& options, std::size_t parameters);

}  // namespace espalier::train
