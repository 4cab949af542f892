// Beside which values of another parameter one exists (task::Field::exists_if).
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "espalier/task/field.hpp"

namespace espalier::stages {

inline task::Condition is_one_of(std::string parameter, std::vector<std::string> words) {
  return {.parameter = std::move(parameter), .values = {words.begin(), words.end()}};
}
inline task::Condition is_not(std::string parameter, task::Value value) {
  return {.parameter = std::move(parameter), .values = {std::move(value)}, .is_one_of = false};
}

}  // namespace espalier::stages
