// How a stage describes a column or array of its results.
#pragma once
#include <string>
#include <utility>

#include "espalier/task/field.hpp"

namespace espalier::experiments {

inline task::Field column(std::string name, task::ValueType type, std::string unit, std::string meaning) {
  return {
      .name = std::move(name), .type = type, .default_value = {}, .unit = std::move(unit), .meaning = std::move(meaning), .choices = {}};
}

}  // namespace espalier::experiments
