#include "espalier/nn/objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"

namespace espalier::nn {

double OutputFunction::operator()(const Eigen::Ref<const Eigen::VectorXd>& y) const {
  double sum = 0;
  for (Eigen::Index i = 0; i < coefficients.size(); ++i)
    if (coefficients[i] != 0) sum += coefficients[i] * y[i];
  return sum + constant;
}

double Objective::operator()(const Eigen::Ref<const Eigen::VectorXd>& y) const {
  double largest = -std::numeric_limits<double>::infinity();
  for (const OutputFunction& function : functions) {
    const double value = function(y);
    if (std::isnan(value)) return value;  // no margin, and it must show
    largest = std::max(largest, value);
  }
  return largest;
}

OutputFunction class_margin(Eigen::Index outputs, int label, int target) {
  OutputFunction function{.coefficients = Eigen::VectorXd::Zero(outputs)};
  function.coefficients[target] = 1;
  function.coefficients[label] = -1;
  return function;
}

Objective targeted(Eigen::Index outputs, int label, int target) { return {.functions = {class_margin(outputs, label, target)}}; }

Objective untargeted(Eigen::Index outputs, int label) {
  Objective objective;
  for (int c = 0; c < outputs; ++c)
    if (c != label) objective.functions.push_back(class_margin(outputs, label, c));
  return objective;
}

OutputRow output_row(const OutputFunction& function, const Layer& output_layer) {
  OutputRow row{.weight = Eigen::RowVectorXd::Zero(output_layer.inputs()), .bias = 0};
  for (Eigen::Index i = 0; i < function.coefficients.size(); ++i) {
    const double c = function.coefficients[i];
    if (c == 0) continue;
    row.weight += c * output_layer.weight.row(i).cast<double>();
    row.bias += c * static_cast<double>(output_layer.bias[i]);
  }
  row.bias += function.constant;
  return row;
}

OutputRows output_rows(const Objective& objective, const Layer& output_layer) {
  const auto count = static_cast<Eigen::Index>(objective.functions.size());
  OutputRows rows{.weight = decltype(OutputRows::weight)(count, output_layer.inputs()), .bias = Eigen::VectorXd(count)};
  for (Eigen::Index k = 0; k < count; ++k) {
    const OutputRow row = output_row(objective.functions[static_cast<std::size_t>(k)], output_layer);
    rows.weight.row(k) = row.weight;
    rows.bias[k] = row.bias;
  }
  return rows;
}

void check(const Objective& objective, Eigen::Index outputs) {
  const auto refuse = [](const std::string& expected, const std::string& found) {
    base::fail(base::ErrorKind::data, "objective: expected {}, found {}", expected, found);
  };
  if (objective.functions.empty()) refuse("at least one function of the outputs", "none");
  for (std::size_t k = 0; k < objective.functions.size(); ++k) {
    const OutputFunction& f = objective.functions[k];
    if (f.coefficients.size() != outputs)
      refuse(fmt::format("{} coefficients (the network's outputs) in function {}", outputs, k), fmt::format("{}", f.coefficients.size()));
    for (Eigen::Index i = 0; i < outputs; ++i)
      if (!std::isfinite(f.coefficients[i]))
        refuse(fmt::format("a finite number as coefficient {} of function {}", i, k), fmt::format("{}", f.coefficients[i]));
    if (!std::isfinite(f.constant)) refuse(fmt::format("a finite number as constant of function {}", k), fmt::format("{}", f.constant));
    if (f.coefficients.isZero(0)) refuse(fmt::format("a coefficient other than 0 in function {}", k), "zeros alone");
  }
}

}  // namespace espalier::nn
