#include "branch/bounding.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "branch/node_relaxation.hpp"
#include "branch/optimality_tightening.hpp"

namespace espalier::branch {
namespace {

using bounds::BackwardPass;
using bounds::LayerRelaxation;

template <class Matrix>
void keep_rows(const std::vector<Eigen::Index>& kept, Matrix& matrix) {
  matrix = Matrix(matrix(kept, Eigen::all));
}

/// Adam on all slopes and multipliers of one layer, every row for itself.
class LayerSteps {
 public:
  LayerSteps(std::span<Node* const> nodes, std::size_t layer, const LayerRelaxation& relaxation)
      : open_((relaxation.upper_intercept.array() > 0).cast<double>()),
        split_(open_.rows(), open_.cols()),
        slope_mean_(Rows::Zero(open_.rows(), open_.cols())),
        slope_square_(slope_mean_),
        multiplier_mean_(slope_mean_),
        multiplier_square_(slope_mean_) {
    for (std::size_t r = 0; r < nodes.size(); ++r) split_.row(static_cast<Eigen::Index>(r)) = nodes[r]->layers[layer].split;
  }

  void keep(const std::vector<Eigen::Index>& kept) {
    keep_rows(kept, open_);
    keep_rows(kept, split_);
    for (Rows* rows : {&slope_mean_, &slope_square_, &multiplier_mean_, &multiplier_square_}) keep_rows(kept, *rows);
  }

  void step(const Rows& coefficients, const Rows& pre_activations, double rate, int iteration, LayerRelaxation& relaxation) {
    const Rows slope_gradient = (coefficients.array().min(0.0) * pre_activations.array()).matrix();
    const Rows slope_change = direction(slope_gradient, iteration, slope_mean_, slope_square_);
    relaxation.lower_slope = (relaxation.lower_slope.array() - rate * open_ * slope_change.array()).max(0.0).min(1.0).matrix();
    // A split multiplier is measured in the unit of the coefficients beside it.
    const Rows multiplier_change = direction(pre_activations, iteration, multiplier_mean_, multiplier_square_);
    const Eigen::ArrayXd unit = coefficients.cwiseAbs().rowwise().mean().array();
    const auto moved = relaxation.split_multiplier.array() - (split_.square() * multiplier_change.array()).colwise() * (rate * unit);
    relaxation.split_multiplier = (split_ * (split_ * moved).max(0.0)).matrix();
  }

 private:
  static Rows direction(const Rows& gradient, int iteration, Rows& mean, Rows& square) {
    constexpr double decay = 0.85, square_decay = 0.95;
    mean = decay * mean + (1 - decay) * gradient;
    square = square_decay * square + (1 - square_decay) * gradient.cwiseAbs2();
    const double mean_weight = 1 / (1 - std::pow(decay, iteration)), square_weight = 1 / (1 - std::pow(square_decay, iteration));
    return (mean.array() * mean_weight / ((square.array() * square_weight).sqrt() + 1e-300)).matrix();
  }

  Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> open_, split_;
  Rows slope_mean_, slope_square_, multiplier_mean_, multiplier_square_;
};

}  // namespace

Bounding::Bounding(const Query& query, Offer offer, base::Budget budget)
    : query_(query),
      offer_(std::move(offer)),
      budget_(std::move(budget)),
      propagation_(query.network, query.region, query.bounds),
      margins_(propagation_.margin_rows(query.objective)) {
  for (std::size_t k = 1; k < query.network.layers.size(); ++k) {
    weights_.emplace_back(query.network.layers[k].weight.cast<double>());
    biases_.emplace_back(query.network.layers[k].bias.cast<double>().transpose());
  }
  const nn::OutputRows output = output_rows(query.objective, query.network.layers.back());
  weights_.back() = output.weight;
  biases_.back() = output.bias.transpose();
}

std::vector<Node> Bounding::roots() const {
  Node node;
  for (std::size_t k = 0; k < propagation_.hidden_layers(); ++k) {
    const LayerBounds& layer = query_.bounds.layers[k];
    const Eigen::RowVectorXd zeros = Eigen::RowVectorXd::Zero(layer.lower.size());
    const Eigen::RowVectorXd slope = bounds::make_relaxation(layer, 1).lower_slope;
    node.layers.push_back({.bounds = layer, .slope = slope, .split_multiplier = zeros, .split = zeros});
  }
  std::vector<Node> roots(query_.objective.functions.size(), node);
  for (std::size_t k = 0; k < roots.size(); ++k) roots[k].function = static_cast<Eigen::Index>(k);
  return roots;
}

bounds::AffineRows Bounding::margin_rows(std::span<Node* const> nodes) const {
  std::vector<Eigen::Index> functions;
  for (const Node* node : nodes) functions.push_back(node->function);
  return margins_.rows(functions);
}

/// The pass's maximisers are feasible inputs: their margins by a forward pass from the first layer on, the best of them is offered.
void Bounding::offer_best(const BackwardPass& pass, const Rows& first_layer) {
  Rows h = first_layer;
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    Rows g = h.cwiseMax(0.0) * weights_[k].transpose();
    g.rowwise() += biases_[k];
    h.swap(g);
  }
  Eigen::Index best = 0;
  const double margin = h.rowwise().maxCoeff().maxCoeff(&best);
  offer_(propagation_.maximiser(pass, static_cast<std::size_t>(best)), margin);
}

namespace {

/// The nodes of a batch that are still open, and their rows of everything.
struct OpenRows {
  std::vector<Node*> nodes;
  std::vector<LayerRelaxation> relaxation;
  std::vector<LayerSteps> steps;

  explicit OpenRows(std::span<Node* const> all) : nodes(all.begin(), all.end()), relaxation(lines_of(all)) {
    for (std::size_t k = 0; k < relaxation.size(); ++k) steps.emplace_back(all, k, relaxation[k]);
  }

  /// Lowers the nodes' bounds to those of the pass, and remembers slopes and multipliers where that helps.
  void take(const BackwardPass& pass) {
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const auto row = static_cast<Eigen::Index>(n);
      if (!(pass.upper[row] < nodes[n]->bound)) continue;  // NaN proves nothing
      nodes[n]->bound = pass.upper[row];
      for (std::size_t k = 0; k < relaxation.size(); ++k) {
        nodes[n]->layers[k].slope = relaxation[k].lower_slope.row(row);
        nodes[n]->layers[k].split_multiplier = relaxation[k].split_multiplier.row(row);
      }
    }
  }

  /// Drops closed nodes, when that is worth the copying.
  void drop(double cutoff_value) {
    std::vector<Eigen::Index> kept;
    for (std::size_t n = 0; n < nodes.size(); ++n)
      if (nodes[n]->bound > cutoff_value) kept.push_back(static_cast<Eigen::Index>(n));
    if (!kept.empty() && kept.size() > nodes.size() * 3 / 4) return;
    std::vector<Node*> left;
    for (const Eigen::Index n : kept) left.push_back(nodes[static_cast<std::size_t>(n)]);
    nodes = std::move(left);
    if (nodes.empty()) return;
    for (LayerRelaxation& line : relaxation) {
      for (Rows* rows : {&line.upper_slope, &line.upper_intercept, &line.lower_slope, &line.split_multiplier}) keep_rows(kept, *rows);
    }
    for (LayerSteps& step : steps) step.keep(kept);
  }
};

}  // namespace

void Bounding::improve(std::span<Node* const> nodes, int iterations, double cutoff_value) {
  const auto most = static_cast<std::size_t>(propagation_.rows_at_a_time(propagation_.hidden_layers()));
  for (; !nodes.empty(); nodes = nodes.subspan(std::min(most, nodes.size())))
    improve_together(nodes.first(std::min(most, nodes.size())), iterations, cutoff_value);
}

void Bounding::improve_together(std::span<Node* const> nodes, int iterations, double cutoff_value) {
  OpenRows open(nodes);
  BackwardPass pass;
  std::vector<Rows> g;
  // Large first steps, also from a parent's optimum: the relaxation of a child is another. Smaller ones leave the bound unsettled.
  double rate = 1.0;
  for (int iteration = 1; iteration <= iterations; ++iteration, rate *= 0.88) {
    const auto rows = static_cast<Eigen::Index>(open.nodes.size());
    propagation_.backward(margin_rows(open.nodes), open.relaxation, pass);
    passes_ += rows;
    open.take(pass);
    propagation_.relaxed_forward(pass, open.relaxation, g);
    offer_best(pass, g.front());
    check_budget();
    if (iteration == iterations) break;
    for (std::size_t k = 0; k < open.relaxation.size(); ++k)
      open.steps[k].step(pass.coefficients[k], g[k], rate, iteration, open.relaxation[k]);
    open.drop(cutoff_value);
    if (open.nodes.empty()) break;
  }
}

double Bounding::evaluate(Node& node) {
  Node* const one[] = {&node};
  const std::vector<LayerRelaxation> relaxation = lines_of(one);
  BackwardPass pass;
  propagation_.backward(margin_rows(one), relaxation, pass);
  ++passes_;
  return pass.upper[0];
}

void Bounding::refine(std::span<Node* const> nodes) {
  for (Node* node : nodes) {
    for (auto layer = static_cast<std::size_t>(node->last_split_layer) + 1; layer < propagation_.hidden_layers() && !node->empty; ++layer)
      tighten(*node, layer);
  }
}

void Bounding::tighten(Node& node, std::size_t layer) {
  LayerState& state = node.layers[layer];
  std::vector<Eigen::Index> neurons;
  for (Eigen::Index i = 0; i < state.slope.size(); ++i)
    if (state.open(i)) neurons.push_back(i);
  if (neurons.empty()) return;
  std::vector<LayerRelaxation> relaxation;
  for (std::size_t k = 0; k < layer; ++k) relaxation.push_back(bounds::make_relaxation(node.layers[k].bounds, 1));
  BackwardPass pass;
  const auto most = static_cast<std::size_t>(propagation_.rows_at_a_time(layer) / 2);
  for (std::size_t begin = 0; begin < neurons.size(); begin += most) {
    check_budget();
    const std::span<const Eigen::Index> part(neurons.data() + begin, std::min(most, neurons.size() - begin));
    propagation_.backward(propagation_.neuron_rows(layer, part), relaxation, pass);
    const auto count = static_cast<Eigen::Index>(part.size());
    passes_ += 2 * count;
    for (Eigen::Index r = 0; r < count; ++r) {
      double &lower = state.bounds.lower[part[static_cast<std::size_t>(r)]], &upper = state.bounds.upper[part[static_cast<std::size_t>(r)]];
      upper = std::min(upper, pass.upper[r]);
      lower = std::max(lower, -pass.upper[count + r]);
      if (lower > upper) node.empty = true;
    }
  }
}

void Bounding::tighten_by_cutoff(std::span<Node* const> nodes, double cutoff_value) {
  for (Node* const& node : nodes) passes_ += branch::tighten_by_cutoff(propagation_, margin_rows({&node, 1}), cutoff_value, budget_, *node);
}

namespace {

/// The unstable neurons of a node, row `row` of the pass, whose relaxation costs most in the bound.
std::vector<Neuron> costliest(const Node& node, const std::vector<LayerRelaxation>& relaxation, const BackwardPass& pass, Eigen::Index row,
                              std::size_t most) {
  std::vector<std::pair<double, Neuron>> scored;
  for (std::size_t k = 0; k < relaxation.size(); ++k) {
    const LayerState& layer = node.layers[k];
    for (Eigen::Index i = 0; i < layer.slope.size(); ++i) {
      if (!layer.open(i)) continue;
      const double a = pass.coefficients[k](row, i), alpha = layer.slope[i];
      // What the line costs at worst: the chord at 0, the lower line at one of the ends.
      const double cost = a > 0 ? a * relaxation[k].upper_intercept(row, i)
                                : -a * std::max(-alpha * layer.bounds.lower[i], (1 - alpha) * layer.bounds.upper[i]);
      scored.push_back({cost > 0 ? cost : 0.0, {.layer = k, .index = i}});  // an order needs numbers
    }
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  std::vector<Neuron> neurons;
  for (std::size_t n = 0; n < std::min(most, scored.size()); ++n) neurons.push_back(scored[n].second);
  return neurons;
}

}  // namespace

/// The margin's bounds at a node, row `parent` of the relaxation, with one neuron on or off.
void Bounding::bound_evaluations(const Node& node, const std::vector<LayerRelaxation>& relaxation, Eigen::Index parent,
                                 std::span<Evaluation> evaluations) {
  const auto rows = 2 * static_cast<Eigen::Index>(evaluations.size());
  std::vector<LayerRelaxation> tried = repeat(relaxation, parent, rows);
  Eigen::Index row = 0;
  for (const Evaluation& evaluation : evaluations) {
    LayerRelaxation& line = tried[evaluation.neuron.layer];
    for (const double slope : {1.0, 0.0}) {
      line.upper_slope(row, evaluation.neuron.index) = line.lower_slope(row, evaluation.neuron.index) = slope;
      line.upper_intercept(row++, evaluation.neuron.index) = 0;
    }
  }
  BackwardPass pass;
  propagation_.backward(margins_.rows(std::vector<Eigen::Index>(2 * evaluations.size(), node.function)), tried, pass);
  passes_ += rows;
  row = 0;
  for (Evaluation& evaluation : evaluations) {
    evaluation.bound_on = pass.upper[row++];
    evaluation.bound_off = pass.upper[row++];
  }
}

std::vector<std::vector<Evaluation>> Bounding::evaluate_candidates(std::span<Node* const> nodes, std::size_t most) {
  std::vector<std::vector<Evaluation>> evaluations(nodes.size());
  if (nodes.empty()) return evaluations;
  const std::vector<LayerRelaxation> relaxation = lines_of(nodes);
  BackwardPass pass;
  propagation_.backward(margin_rows(nodes), relaxation, pass);
  passes_ += static_cast<std::int64_t>(nodes.size());
  // Node by node: an evaluation's rows, two per neuron, differ from the node's in one line, and stay in the cache.
  const auto at_a_time = static_cast<std::size_t>(propagation_.rows_at_a_time(propagation_.hidden_layers()) / 2);
  for (std::size_t r = 0; r < nodes.size(); ++r) {
    const auto parent = static_cast<Eigen::Index>(r);
    const bool known = !nodes[r]->violated.empty();
    for (const Neuron& neuron : known ? nodes[r]->violated : costliest(*nodes[r], relaxation, pass, parent, most))
      evaluations[r].push_back({.neuron = neuron});
    for (std::size_t begin = 0; begin < evaluations[r].size(); begin += at_a_time) {
      check_budget();
      bound_evaluations(*nodes[r], relaxation, parent,
                        std::span(evaluations[r]).subspan(begin, std::min(at_a_time, evaluations[r].size() - begin)));
    }
  }
  return evaluations;
}

}  // namespace espalier::branch
