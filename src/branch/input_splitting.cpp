#include "espalier/branch/input_splitting.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "branch/ascent.hpp"
#include "espalier/base/error.hpp"
#include "espalier/bounds/propagation.hpp"
#include "espalier/bounds/slope_search.hpp"

namespace espalier::branch {
namespace {

constexpr int slope_iterations = 8;  ///< 3: fifteen times the parts in the hardest instance of ACAS Xu, 12: as many
constexpr std::int64_t nodes_per_walk = 16;
constexpr double no_bound = std::numeric_limits<double>::infinity();

/// A part of the box.
struct Part {
  problem::Box box;
  bounds::Bounds bounds;          ///< of its hidden neurons, once it is bounded; before that those of a larger part
  std::vector<std::size_t> open;  ///< conjunctions that may hold somewhere in it
  double bound = no_bound;        ///< on the margin of these
  Eigen::VectorXd weight;         ///< by input: its width times bounds on the derivatives of the functions nearest to closing these
};

class InputSplitting {
 public:
  InputSplitting(const nn::Network& network, const problem::BoxQuestion& question, const InputSplittingOptions& options)
      : network_(network),
        question_(question),
        options_(options),
        first_bounds_(bounds::make_interval()->compute(network, problem::box_region(question.box))),
        propagation_(network, problem::box_region(question.box), first_bounds_),
        ascent_(network, question) {
    for (const problem::Conjunction& conjunction : question.unsafe) {
      begins_.push_back(objective_.functions.size());
      objective_.functions.insert(objective_.functions.end(), conjunction.begin(), conjunction.end());
    }
    begins_.push_back(objective_.functions.size());
    first_weights_ = network.layers.front().weight.cast<double>();
    margins_ = propagation_.margin_rows(objective_);
    for (std::size_t k = 0; k < propagation_.hidden_layers(); ++k) {
      const bounds::Rows weight = network.layers[k].weight.cast<double>();
      positive_weights_.push_back(weight.cwiseMax(0.0));
      negative_weights_.push_back(weight.cwiseMin(0.0));
    }
  }

  Outcome operator()() {
    Part whole{.box = question_.box, .bounds = first_bounds_, .open = {}, .weight = {}};
    for (std::size_t k = 0; k < question_.unsafe.size(); ++k) whole.open.push_back(k);
    bound(whole);
    push(std::move(whole));
    while (!stack_.empty() && goes_on()) {
      Part part = std::move(stack_.back());
      stack_.pop_back();
      halve(std::move(part));
      if (outcome_.nodes >= next_walk_) ascend();
    }
    if (stack_.empty() && !stop_) outcome_.end = unresolved_ > -no_bound ? End::unresolved : End::closed;
    outcome_.bound = std::max(closed_, unresolved_);
    for (const Part& part : stack_) outcome_.bound = std::max(outcome_.bound, part.bound);
    if (outcome_.best) outcome_.bound = std::max(outcome_.bound, outcome_.best->margin);
    return std::move(outcome_);
  }

 private:
  bool goes_on() {
    if (stop_ || options_.budget.stop_requested()) {
      outcome_.end = End::stopped;
    } else if (options_.budget.out_of_time()) {
      outcome_.end = End::time;
    } else if (options_.node_limit >= 0 && outcome_.nodes >= options_.node_limit) {
      outcome_.end = End::nodes;
    } else {
      return true;
    }
    return false;
  }

  /// Where no input of a part is unsafe, another one's may be: a few percent of the time go to walks over the whole box.
  void ascend() {
    next_walk_ = outcome_.nodes + nodes_per_walk;
    for (const Eigen::VectorXd& input : ascent_.walk())
      if (!stop_) try_input(input);
  }

  void push(Part part) {
    if (!part.open.empty()) stack_.push_back(std::move(part));
  }

  void bound(Part& part) {
    ++outcome_.nodes;
    narrow(network_, problem::box_region(part.box), propagation_, part.bounds);
    lines_.clear();
    for (std::size_t k = 0; k < propagation_.hidden_layers(); ++k) lines_.push_back(bounds::make_relaxation(part.bounds.layers[k], 1));
    try_input(0.5 * (part.box.lower + part.box.upper));
    const Eigen::VectorXd width = part.box.upper - part.box.lower;
    const Eigen::VectorXd infinite = Eigen::VectorXd::Constant(width.size(), no_bound);
    Part left{.box = {.lower = infinite, .upper = -infinite}, .bounds = {}, .open = {}, .weight = Eigen::VectorXd::Zero(width.size())};
    double largest = -no_bound;
    for (const std::size_t k : part.open) {
      if (stop_) return;
      problem::Box reach = part.box;
      const double value = bound_conjunction(k, part, reach, left.weight);
      if (value < 0) {
        closed_ = std::max(closed_, value);
        continue;
      }
      left.open.push_back(k);
      largest = std::max(largest, value);
      left.box.lower = left.box.lower.cwiseMin(reach.lower);
      left.box.upper = left.box.upper.cwiseMax(reach.upper);
    }
    part.open = std::move(left.open);
    if (part.open.empty()) return;
    part.bound = std::min(part.bound, largest);
    part.box = std::move(left.box);
    part.weight = left.weight.cwiseProduct(part.box.upper - part.box.lower);
  }

  /// An upper bound on the conjunction's margin over the part. `reach` is clipped to where all its functions may be at least 0; the
  /// derivatives of the function that comes nearest to closing it are added to `derivatives`.
  double bound_conjunction(std::size_t k, const Part& part, problem::Box& reach, Eigen::VectorXd& derivatives) {
    std::vector<Eigen::Index> functions;
    for (std::size_t f = begins_[k]; f < begins_[k + 1]; ++f) functions.push_back(static_cast<Eigen::Index>(f));
    bounds::AffineRows rows = margins_.rows(functions);
    bound_rows(rows, part, reach);
    Eigen::Index nearest = 0;
    double value = pass_.upper.minCoeff(&nearest);
    bounds::AffineRows smallest = rows.rows(std::span(&nearest, 1));
    if (value >= 0 && functions.size() > 1) {
      bounds::AffineRows mixed = mix(rows, weights_of_functions(0.5 * (part.box.upper - part.box.lower)));
      bound_rows(mixed, part, reach);
      if (pass_.upper[0] < value) {
        value = pass_.upper[0];
        smallest = std::move(mixed);
      }
    }
    if (value >= 0) {
      std::vector<bounds::LayerRelaxation> lines = lines_;
      value =
          std::min(value, bounds::search_slopes(propagation_, smallest, lines, {.iterations = slope_iterations}, options_.budget).upper[0]);
      outcome_.passes += slope_iterations;
    }
    if (value < 0) return value;
    derivatives += largest_derivatives(smallest.coefficients.row(0), part.bounds);
    return std::isnan(value) ? no_bound : value;  // NaN, as overflow makes it, proves nothing
  }

  /// Backward propagation of the rows over the part, whose maximisers are tried as inputs.
  ///
  /// A row's bound U is that of a linear function, so f(x) <= U - sum |a_i| d_i with d_i the distance of x_i from the side where the
  /// maximiser is: f(x) >= 0 needs d_i <= U / |a_i|. What rounding has in a is added to U.
  void bound_rows(const bounds::AffineRows& rows, const Part& part, problem::Box& reach) {
    propagation_.backward(rows, lines_, pass_);
    outcome_.passes += rows.constant.size();
    for (Eigen::Index r = 0; r < rows.constant.size() && !stop_; ++r) try_input(propagation_.maximiser(pass_, static_cast<std::size_t>(r)));
    const auto of_h = pass_.coefficients.front().array();
    const bounds::Rows of_g = ((of_h.max(0.0).rowwise() * lines_.front().upper_slope.row(0).array()) +
                               (of_h.min(0.0).rowwise() * lines_.front().lower_slope.row(0).array()))
                                  .matrix();
    slopes_ = of_g * first_weights_;
    const Eigen::VectorXd width = part.box.upper - part.box.lower;
    const double factor = 4 * static_cast<double>(first_weights_.rows() + first_weights_.cols() + 4) * 0x1.0p-53;
    const Eigen::VectorXd rounding = factor * (of_g.cwiseAbs() * (first_weights_.cwiseAbs() * width));
    for (Eigen::Index r = 0; r < rows.constant.size(); ++r) {
      const double room = (pass_.upper[r] + rounding[r]) * (1 + 0x1.0p-50);
      for (Eigen::Index i = 0; i < width.size() && room >= 0; ++i) {
        const double most = room / std::abs(slopes_(r, i));  // infinite where the slope is 0
        if (!(most < width[i])) continue;
        const double margin = 0x1.0p-50 * (std::abs(part.box.lower[i]) + std::abs(part.box.upper[i]));
        if (slopes_(r, i) > 0)
          reach.lower[i] = std::max(reach.lower[i], std::min(part.box.upper[i] - most - margin, reach.upper[i]));
        else
          reach.upper[i] = std::min(reach.upper[i], std::max(part.box.lower[i] + most + margin, reach.lower[i]));
      }
    }
  }

  /// Of the linear functions that the last pass has left, with `half` the half widths: weights w >= 0 of sum 1 that make the largest value
  /// of their mean small, by exponentiated subgradient steps. Any weights bound the smallest function.
  Eigen::VectorXd weights_of_functions(const Eigen::VectorXd& half) const {
    constexpr int steps = 60;
    const Eigen::VectorXd at_middle = pass_.upper - slopes_.cwiseAbs() * half;
    Eigen::VectorXd weights = Eigen::VectorXd::Constant(at_middle.size(), 1.0 / static_cast<double>(at_middle.size())), best = weights;
    double smallest = no_bound;
    const double scale = 1 / (pass_.upper.cwiseAbs().maxCoeff() + 1e-300);
    for (int step = 0; step < steps; ++step) {
      const Eigen::VectorXd mixed = slopes_.transpose() * weights;
      const double value = weights.dot(at_middle) + mixed.cwiseAbs().dot(half);
      if (value < smallest) {
        smallest = value;
        best = weights;
      }
      const Eigen::VectorXd gradient = at_middle + slopes_ * mixed.cwiseSign().cwiseProduct(half);
      weights = weights.cwiseProduct((-2.0 / std::sqrt(1.0 + step) * scale * gradient).array().exp().matrix());
      weights /= weights.sum();
    }
    return best;
  }

  /// The padding of a row is more than what one of its own sums may round; the mean has one more sum, of a term per row.
  static bounds::AffineRows mix(const bounds::AffineRows& rows, const Eigen::VectorXd& weights) {
    const auto terms = static_cast<double>(weights.size() + 1);
    bounds::AffineRows mixed{.layer = rows.layer,
                             .coefficients = weights.transpose() * rows.coefficients,
                             .constant = Eigen::VectorXd::Constant(1, weights.dot(rows.constant)),
                             .padding = Eigen::VectorXd::Constant(1, terms * weights.dot(rows.padding))};
    return mixed;
  }

  void try_input(const Eigen::VectorXd& input) {
    const Eigen::VectorXd y = nn::forward(network_, input);
    double margin = -no_bound;
    for (const problem::Conjunction& conjunction : question_.unsafe) margin = std::max(margin, problem::margin(conjunction, y));
    if (!(margin > (outcome_.best ? outcome_.best->margin : -no_bound))) return;
    outcome_.best = {.input = input, .margin = margin};
    if (options_.on_improvement && options_.on_improvement(input, margin)) stop_ = true;
  }

  /// Bounds on the size of the derivatives by the inputs, over the part, of a function of the last hidden layer (the smear of ReluVal).
  Eigen::VectorXd largest_derivatives(const Eigen::RowVectorXd& function, const bounds::Bounds& bounds) const {
    Eigen::RowVectorXd lower = function, upper = function;
    for (std::size_t k = propagation_.hidden_layers(); k-- > 0;) {
      const bounds::LayerBounds& g = bounds.layers[k];
      for (Eigen::Index i = 0; i < g.lower.size(); ++i) {
        if (g.lower[i] >= 0) continue;  // on
        lower[i] = g.upper[i] <= 0 ? 0.0 : std::min(lower[i], 0.0);
        upper[i] = g.upper[i] <= 0 ? 0.0 : std::max(upper[i], 0.0);
      }
      const Eigen::RowVectorXd low = lower * positive_weights_[k] + upper * negative_weights_[k];
      upper = upper * positive_weights_[k] + lower * negative_weights_[k];
      lower = low;
    }
    return lower.cwiseAbs().cwiseMax(upper.cwiseAbs()).transpose();
  }

  /// Two parts in place of one.
  void halve(Part part) {
    Eigen::Index input = 0;
    if (!(part.weight.maxCoeff(&input) > 0)) (part.box.upper - part.box.lower).maxCoeff(&input);
    const double middle = 0.5 * (part.box.lower[input] + part.box.upper[input]);
    if (!(part.box.lower[input] < middle && middle < part.box.upper[input])) {
      unresolved_ = std::max(unresolved_, part.bound);
      return;
    }
    Part halves[2]{part, std::move(part)};
    halves[0].box.upper[input] = halves[1].box.lower[input] = middle;
    for (Part& half : halves)
      if (!stop_) bound(half);  // else it has the bound of the whole
    const std::size_t last = halves[0].bound > halves[1].bound ? 0 : 1;
    push(std::move(halves[1 - last]));
    push(std::move(halves[last]));
  }

  const nn::Network& network_;
  const problem::BoxQuestion& question_;
  const InputSplittingOptions& options_;
  bounds::Rows first_weights_;
  std::vector<bounds::Rows> positive_weights_, negative_weights_;  ///< of the hidden layers
  bounds::Bounds first_bounds_;
  bounds::Propagation propagation_;
  bounds::AffineRows margins_;
  nn::Objective objective_;                     ///< the functions of all conjunctions
  std::vector<std::size_t> begins_;             ///< of the conjunctions in it, and its end
  std::vector<bounds::LayerRelaxation> lines_;  ///< of the part that is bounded
  bounds::BackwardPass pass_;
  bounds::Rows slopes_;  ///< of the last pass's linear functions, by input
  std::vector<Part> stack_;
  Ascent ascent_;
  std::int64_t next_walk_ = 0;
  Outcome outcome_;
  bool stop_ = false;
  double closed_ = -no_bound;      ///< the largest bound that closed
  double unresolved_ = -no_bound;  ///< the largest bound of a part that cannot be halved
};

}  // namespace

Outcome split_inputs(const nn::Network& network, const problem::BoxQuestion& question, const InputSplittingOptions& options) {
  if (network.layers.size() < 2) base::fail(base::ErrorKind::data, "input splitting: expected a network with a hidden layer");
  if (question.box.lower.size() != network.inputs())
    base::fail(base::ErrorKind::data, "input splitting: expected a box of {} inputs, found {}", network.inputs(),
               question.box.lower.size());
  for (const problem::Conjunction& conjunction : question.unsafe) nn::check(nn::Objective{.functions = conjunction}, network.outputs());
  return InputSplitting(network, question, options)();
}

}  // namespace espalier::branch
