#include "espalier/reduce/compress.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "reduce/affine_layers.hpp"

namespace espalier::reduce {
namespace {

/// How far above 0 folding puts what must not be negative, as a share of its range: bounds of the new network then see it as well.
constexpr double headroom = 0x1.0p-12;

template <class Condition>
Indices indices(Eigen::Index count, const Condition& condition) {
  Indices found;
  for (Eigen::Index i = 0; i < count; ++i)
    if (condition(i)) found.push_back(i);
  return found;
}

/// Not as a block, which in a matrix without rows would start beyond a null pointer.
bool column_has_nonzero(const Matrix& matrix, Eigen::Index column) {
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    if (matrix(i, column) != 0) return true;
  return false;
}

/// The neurons `kept` of a layer, and the columns that read them.
void keep(AffineLayer& layer, AffineLayer& next, const Indices& kept) {
  layer.map = rows_of(layer.map, kept);
  layer.lower = Eigen::VectorXd(layer.lower(kept));
  layer.upper = Eigen::VectorXd(layer.upper(kept));
  layer.slack = Eigen::VectorXd(layer.slack(kept));
  std::vector<bool> linear;
  for (const Eigen::Index i : kept) linear.push_back(layer.linear[static_cast<std::size_t>(i)]);
  layer.linear = std::move(linear);
  next.map = beside(columns_of(next.map, kept), biases_of(next.map));
}

class Compressor {
 public:
  Compressor(const nn::Network& network, const bounds::Bounds& proof, const bounds::LayerBounds& inputs)
      : layers_(affine_layers(network, proof)), inputs_(inputs) {
    result_.layers.resize(network.hidden_layers());
  }

  Compression run() {
    for (std::size_t k = 0; k + 1 < layers_.size(); ++k) drop_constants(k);
    for (std::size_t k = layers_.size() - 1; k-- > 0;) drop_unread(k);
    for (std::size_t k = 0; k + 1 < layers_.size(); ++k)
      count(layers_[k]).linear = std::count(layers_[k].linear.begin(), layers_[k].linear.end(), true);
    for (bool again = true; again;) {
      again = false;
      for (std::size_t k = layers_.size() - 1; k-- > 0;) again = fold(k) || again;
    }
    result_.network = to_network(layers_);
    result_.deviation = deviation(layers_, inputs_.lower.cwiseAbs().cwiseMax(inputs_.upper.cwiseAbs()));
    return std::move(result_);
  }

 private:
  CompressedLayer& count(const AffineLayer& layer) { return result_.layers[layer.origin]; }

  void rests_on(double slack) { result_.smallest_slack = std::min(result_.smallest_slack, slack); }

  /// Off neurons, and those without weights. If none is left, the next layer's have none either, and fold() joins what is on either side.
  void drop_constants(std::size_t k) {
    AffineLayer &layer = layers_[k], &next = layers_[k + 1];
    Indices kept;
    for (Eigen::Index i = 0; i < layer.map.rows(); ++i) {
      const bool weightless = (layer.map.value.row(i).head(layer.map.inputs()).array() == 0).all();
      if (!weightless && layer.upper[i] > 0) {
        kept.push_back(i);
        continue;
      }
      ++(weightless ? count(layer).constant : count(layer).off);
      if (!weightless) rests_on(layer.slack[i]);
      const double constant = weightless ? std::max(0.0, layer.map.value(i, layer.map.inputs())) : 0.0;
      const double error = weightless ? layer.map.error(i, layer.map.inputs()) : 0.0;
      for (Eigen::Index j = 0; j < next.map.rows(); ++j) {
        const double w = next.map.value(j, i), w_error = next.map.error(j, i);
        add(next.map, j, next.map.inputs(), w * constant, w_error * (constant + error) + std::abs(w) * error);
      }
    }
    keep(layer, layers_[k + 1], kept);
  }

  void drop_unread(std::size_t k) {
    AffineLayer& layer = layers_[k];
    const Indices kept = indices(layer.map.rows(), [&](Eigen::Index i) { return column_has_nonzero(layers_[k + 1].map.value, i); });
    count(layer).unread += layer.map.rows() - static_cast<Eigen::Index>(kept.size());
    keep(layer, layers_[k + 1], kept);
  }

  /// True if layer k has fewer neurons than before, or is gone.
  bool fold(std::size_t k) {
    AffineLayer &layer = layers_[k], &next = layers_[k + 1];
    const Indices linear = indices(layer.map.rows(), [&](Eigen::Index i) { return layer.linear[static_cast<std::size_t>(i)]; });
    if (linear.empty() && layer.map.rows() > 0) return false;
    const AffineMap inner = rows_of(layer.map, linear), outer = columns_of(next.map, linear);
    const Indices readers = indices(outer.rows(), [&](Eigen::Index i) { return (outer.value.row(i).array() != 0).any(); });
    const Indices inputs = indices(inner.inputs(), [&](Eigen::Index j) { return column_has_nonzero(inner.value, j); });
    const std::size_t m = linear.size(), q = readers.size(), n = inputs.size(), fewest = std::min({m, q, n});
    const bool whole = static_cast<Eigen::Index>(m) == layer.map.rows() && q * n <= fewest * (q + n);
    if (!whole && fewest == m) return false;

    for (const Eigen::Index i : linear) rests_on(layer.slack[i]);
    count(layer).folded += static_cast<std::int64_t>(whole ? m : m - fewest);
    const AffineMap contribution = product(outer, inner);
    if (whole) {
      add_to(next.map, contribution);
      layers_.erase(layers_.begin() + static_cast<std::ptrdiff_t>(k));
      return true;
    }
    const Eigen::VectorXd lowest = sums(outer.value, layer, linear, false), highest = sums(outer.value, layer, linear, true);
    keep(layer, next, indices(layer.map.rows(), [&](Eigen::Index i) { return !layer.linear[static_cast<std::size_t>(i)]; }));
    if (q <= n)
      one_per_reader(layer, next, contribution, readers, lowest, highest);
    else
      one_per_input(layer, next, contribution, inputs, k == 0 ? inputs_ : outputs_of(layers_[k - 1]));
    return true;
  }

  /// Row by row, the smallest (largest) value of outer g over the bounds of g.
  static Eigen::VectorXd sums(const Matrix& outer, const AffineLayer& layer, const Indices& linear, bool largest) {
    const Eigen::VectorXd lower = layer.lower(linear), upper = layer.upper(linear);
    return outer.cwiseMax(0.0) * (largest ? upper : lower) + outer.cwiseMin(0.0) * (largest ? lower : upper);
  }

  /// The next layer becomes a function of this one's inputs: its weights are those of `contribution`, its biases are added to them.
  static void add_to(AffineMap& next, const AffineMap& contribution) {
    AffineMap sum = contribution;
    for (Eigen::Index i = 0; i < sum.rows(); ++i) add(sum, i, sum.inputs(), next.value(i, next.inputs()), next.error(i, next.inputs()));
    next = std::move(sum);
  }

  static void append(AffineLayer& layer, AffineLayer& next, const AffineMap& neurons, const AffineMap& columns,
                     const Eigen::VectorXd& lower, const Eigen::VectorXd& upper) {
    layer.map = stacked(layer.map, neurons);
    next.map =
        beside(beside(columns_of(next.map, indices(next.map.inputs(), [](Eigen::Index) { return true; })), columns), biases_of(next.map));
    const Eigen::Index before = layer.lower.size(), added = neurons.rows();
    layer.lower.conservativeResize(before + added);
    layer.upper.conservativeResize(before + added);
    layer.slack.conservativeResize(before + added);
    layer.lower.tail(added) = lower;
    layer.upper.tail(added) = upper;
    layer.slack.tail(added).setConstant(std::numeric_limits<double>::infinity());
    layer.linear.resize(static_cast<std::size_t>(before + added), true);
  }

  static void one_per_reader(AffineLayer& layer, AffineLayer& next, const AffineMap& contribution, const Indices& readers,
                             const Eigen::VectorXd& lowest, const Eigen::VectorXd& highest) {
    AffineMap neurons = rows_of(contribution, readers);
    const auto count = static_cast<Eigen::Index>(readers.size());
    AffineMap columns{.value = Matrix::Zero(next.map.rows(), count), .error = Matrix::Zero(next.map.rows(), count)};
    Eigen::VectorXd lower(count), upper(count);
    for (Eigen::Index c = 0; c < count; ++c) {
      const Eigen::Index reader = readers[static_cast<std::size_t>(c)];
      const double shift = lowest[reader] - headroom * (highest[reader] - lowest[reader]);
      add(neurons, c, neurons.inputs(), -shift, 0);
      add(next.map, reader, next.map.inputs(), shift, 0);
      columns.value(reader, c) = 1;
      lower[c] = lowest[reader] - shift;
      upper[c] = highest[reader] - shift;
    }
    append(layer, next, neurons, columns, lower, upper);
  }

  static bounds::LayerBounds outputs_of(const AffineLayer& layer) {
    const Eigen::VectorXd largest = layer.magnitude();
    return {.lower = Eigen::VectorXd::Zero(largest.size()), .upper = largest};
  }

  /// `range` of the layer's inputs.
  static void one_per_input(AffineLayer& layer, AffineLayer& next, const AffineMap& contribution, const Indices& inputs,
                            const bounds::LayerBounds& range) {
    const auto count = static_cast<Eigen::Index>(inputs.size());
    AffineMap neurons{.value = Matrix::Zero(count, layer.map.inputs() + 1), .error = Matrix::Zero(count, layer.map.inputs() + 1)};
    const AffineMap columns = columns_of(contribution, inputs);
    Eigen::VectorXd lower(count), upper(count);
    for (Eigen::Index c = 0; c < count; ++c) {
      const Eigen::Index input = inputs[static_cast<std::size_t>(c)];
      const double from = range.lower[input], to = range.upper[input];
      const double shift = static_cast<float>(std::max(0.0, -from) + headroom * std::max(std::abs(from), std::abs(to)));
      neurons.value(c, input) = 1;
      neurons.value(c, layer.map.inputs()) = shift;
      for (Eigen::Index i = 0; i < next.map.rows(); ++i)
        add(next.map, i, next.map.inputs(), -shift * columns.value(i, c), shift * columns.error(i, c));
      lower[c] = from + shift;
      upper[c] = to + shift;
    }
    for (Eigen::Index i = 0; i < next.map.rows(); ++i)
      add(next.map, i, next.map.inputs(), contribution.value(i, contribution.inputs()), contribution.error(i, contribution.inputs()));
    append(layer, next, neurons, columns, lower, upper);
  }

  std::vector<AffineLayer> layers_;
  const bounds::LayerBounds& inputs_;
  Compression result_;
};

}  // namespace

std::int64_t Compression::removed() const {
  return std::accumulate(layers.begin(), layers.end(), std::int64_t{0},
                         [](std::int64_t sum, const CompressedLayer& layer) { return sum + layer.removed(); });
}

Compression compress(const nn::Network& network, const bounds::Bounds& proof, const bounds::LayerBounds& inputs) {
  network.check();
  check(proof, network, "exact compression");
  return Compressor(network, proof, inputs).run();
}

Compression compress(const nn::Network& network, const bounds::Bounds& proof) {
  const Eigen::Index n = network.layers.empty() ? 0 : network.inputs();
  return compress(network, proof, {.lower = Eigen::VectorXd::Zero(n), .upper = Eigen::VectorXd::Ones(n)});
}

}  // namespace espalier::reduce
