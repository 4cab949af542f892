#include "espalier/nn/rescale.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::nn {
namespace {

/// A float32 number times 2^+-800 is a normal number of float64, so that every factor is exact.
constexpr int largest_exponent = 800;

double power_of_two(int exponent) { return std::ldexp(1.0, exponent); }

/// floor(log2 ||row||_2), summed in a fixed order; nothing for a row of zeros.
std::optional<int> size_of(const Eigen::RowVectorXd& row) {
  double largest = 0;
  for (const double value : row) largest = std::max(largest, std::abs(value));
  if (largest == 0) return std::nullopt;
  const int exponent = std::ilogb(largest);
  const double factor = power_of_two(-exponent);
  double squares = 0;
  for (const double value : row) squares += (value * factor) * (value * factor);
  return exponent + std::ilogb(std::sqrt(squares));
}

/// From layer to layer: the units of the neurons before, then of this layer's own.
class Units {
 public:
  Units(const Network& network, const Objective& objective)
      : network_(network), objective_(objective), inverse_(Eigen::RowVectorXd::Ones(network.inputs())) {}

  /// Enters layer k, which is the one after the last.
  void enter(std::size_t k) {
    layer_ = k;
    const bool last = k + 1 == network_.layers.size();
    if (last) objective_size_ = largest_function();
    next_inverse_.resize(network_.layers[k].outputs());
  }
  /// Neuron i's weights and bias with its inputs in their new units.
  Eigen::RowVectorXd row(Eigen::Index i) const {
    const Layer& layer = network_.layers[layer_];
    Eigen::RowVectorXd row(layer.inputs() + 1);
    row << layer.weight.row(i).cast<double>().cwiseProduct(inverse_), static_cast<double>(layer.bias[i]);
    return row;
  }
  /// By what power of two neuron i, of which `row` is the row, is multiplied.
  int exponent(Eigen::Index i, const Eigen::RowVectorXd& row) {
    const std::optional<int> own = size_of(row), size = is_read(i) ? objective_size_ : own;
    if (size && std::abs(*size) > largest_exponent)
      base::fail(base::ErrorKind::data, "layer {}: expected neurons of a size between 2^-{} and 2^{}, found neuron {} with 2^{}", layer_,
                 largest_exponent, largest_exponent, i, *size);
    next_inverse_[i] = own ? power_of_two(*size) : 0.0;
    return -size.value_or(0);
  }
  void leave() { inverse_ = next_inverse_; }

  /// After the last layer was entered: floor(log2) of the norm of the objective's largest function; nothing if all of them are constant.
  std::optional<int> objective_size() const { return objective_size_; }

 private:
  bool is_read(Eigen::Index i) const {
    return layer_ + 1 == network_.layers.size() &&
           std::any_of(objective_.functions.begin(), objective_.functions.end(), [i](const auto& f) { return f.coefficients[i] != 0; });
  }

  std::optional<int> largest_function() const {
    std::optional<int> largest;
    for (const OutputFunction& function : objective_.functions) largest = std::max(largest, function_size(function));
    return largest;
  }

  std::optional<int> function_size(const OutputFunction& function) const {
    constexpr int float32_digits = 24;
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(network_.layers[layer_].inputs() + 1);
    std::optional<int> largest_term;
    for (Eigen::Index i = 0; i < function.coefficients.size(); ++i) {
      if (function.coefficients[i] == 0) continue;
      const Eigen::RowVectorXd term = function.coefficients[i] * row(i);
      sum += term;
      largest_term = std::max(largest_term, size_of(term));
    }
    return largest_term ? std::max(size_of(sum), std::optional(*largest_term - float32_digits)) : std::nullopt;
  }

  const Network& network_;
  const Objective& objective_;
  std::size_t layer_ = 0;
  Eigen::RowVectorXd inverse_;       ///< what weights on the neurons before are multiplied by; 0 for a neuron that is 0 everywhere
  Eigen::RowVectorXd next_inverse_;  ///< the same for this layer's
  std::optional<int> objective_size_;
};

/// How far the new network's outputs may be from what they are meant to be.
class Deviation {
 public:
  explicit Deviation(Eigen::Index inputs) : largest_(Eigen::VectorXd::Ones(inputs)), deviation_(Eigen::VectorXd::Zero(inputs)) {}

  void enter(Eigen::Index outputs) {
    next_largest_ = Eigen::VectorXd::Zero(outputs);
    next_deviation_ = Eigen::VectorXd::Zero(outputs);
  }
  /// Neuron i's row is stored as `stored`, though it should be `row` / unit.
  void add(Eigen::Index i, const Eigen::RowVectorXd& row, const Eigen::RowVectorXd& stored, double unit) {
    constexpr double rounding = 0x1.0p-149;  // twice what it is where float32 has no normal numbers
    const Eigen::Index n = deviation_.size();
    double largest = std::abs(stored[n]), deviation = 0;
    for (Eigen::Index j = 0; j <= n; ++j) {
      const double input = j < n ? largest_[j] : 1.0;
      if (row[j] != stored[j] * unit) deviation += rounding * input;  // not row[j] / unit, which float64 may not hold
      if (j == n || stored[j] == 0) continue;
      largest += std::abs(stored[j]) * input;
      deviation += std::abs(stored[j]) * deviation_[j];
    }
    next_largest_[i] = largest;
    next_deviation_[i] = deviation;
  }
  void leave() {
    std::swap(largest_, next_largest_);
    std::swap(deviation_, next_deviation_);
  }

  const Eigen::VectorXd& operator()() const { return deviation_; }

 private:
  Eigen::VectorXd largest_, next_largest_;  ///< outputs over the unit box
  Eigen::VectorXd deviation_, next_deviation_;
};

}  // namespace

Rescaled rescale(const Network& network, const Objective& objective) {
  check(objective, network.outputs());
  Rescaled result;
  Units units(network, objective);
  Deviation deviation(network.inputs());
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const Eigen::Index outputs = network.layers[k].outputs(), inputs = network.layers[k].inputs();
    Layer layer{.weight = WeightMatrix(outputs, inputs), .bias = Eigen::VectorXf(outputs), .mask = {}};
    Eigen::VectorXi exponents(outputs);
    units.enter(k);
    deviation.enter(outputs);
    for (Eigen::Index i = 0; i < outputs; ++i) {
      const Eigen::RowVectorXd row = units.row(i);
      exponents[i] = units.exponent(i, row);
      const Eigen::RowVectorXf stored = (row * power_of_two(exponents[i])).cast<float>();
      layer.weight.row(i) = stored.head(inputs);
      layer.bias[i] = stored[inputs];
      deviation.add(i, row, stored.cast<double>(), power_of_two(-exponents[i]));
    }
    units.leave();
    deviation.leave();
    result.network.layers.push_back(std::move(layer));
    result.exponents.push_back(std::move(exponents));
  }
  result.objective = objective;
  result.objective_exponent = -units.objective_size().value_or(0);
  for (OutputFunction& function : result.objective.functions) function.constant = std::ldexp(function.constant, result.objective_exponent);
  result.deviation = deviation();
  if (!result.deviation.allFinite())
    base::fail(base::ErrorKind::data,
               "network: expected weights that float32 can hold beside each other, found ones that it cannot in {} layers",
               network.layers.size());
  return result;
}

double margin_unit(const Network& network, const Objective& objective) {
  check(objective, network.outputs());
  constexpr int least_ordinary = -6;
  Units units(network, objective);
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    units.enter(k);
    for (Eigen::Index i = 0; i < network.layers[k].outputs(); ++i) units.exponent(i, units.row(i));
    units.leave();
  }
  int size = units.objective_size().value_or(0);
  for (const OutputFunction& function : objective.functions)
    if (function.constant != 0) size = std::max(size, std::ilogb(function.constant));
  return power_of_two(std::min(0, size - least_ordinary));
}

}  // namespace espalier::nn
