// How a stage describes a column or array of its results.
#pragma once
#include <string>
#include <utility>

#include "espalier/task/field.hpp"

namespace espalier::stages {

/// What is the same whenever the same task runs, as long as no limit of time ends it.
inline task::Field column(std::string name, task::ValueType type, std::string unit, std::string meaning) {
  return {
      .name = std::move(name), .type = type, .default_value = {}, .unit = std::move(unit), .meaning = std::move(meaning), .choices = {}};
}

/// What may differ: a time.
inline task::Field measured(std::string name, task::ValueType type, std::string unit, std::string meaning) {
  task::Field field = column(std::move(name), type, std::move(unit), std::move(meaning));
  field.measured = true;
  return field;
}

}  // namespace espalier::stages
