#include "espalier/bounds/slope_search.hpp"

#include <cmath>

namespace espalier::bounds {
namespace {

/// Adam's averages for one layer's slopes.
class Averages {
 public:
  Averages(Eigen::Index rows, Eigen::Index width) : mean_(Rows::Zero(rows, width)), square_(Rows::Zero(rows, width)) {}

  /// One projected step of `slopes` against `gradient`, where `open`.
  void step(const Rows& gradient, double rate, int iteration, const Rows& open, Rows& slopes) {
    constexpr double decay = 0.9, square_decay = 0.95;
    mean_ = decay * mean_ + (1 - decay) * gradient;
    square_ = square_decay * square_ + (1 - square_decay) * gradient.cwiseAbs2();
    const double mean_weight = 1 / (1 - std::pow(decay, iteration)), square_weight = 1 / (1 - std::pow(square_decay, iteration));
    const auto change = mean_.array() * mean_weight / ((square_.array() * square_weight).sqrt() + 1e-300);
    slopes = (slopes.array() - rate * open.array() * change).max(0.0).min(1.0).matrix();
  }

 private:
  Rows mean_, square_;
};

}  // namespace

SlopeSearchResult search_slopes(Propagation& propagation, const AffineRows& rows, std::vector<LayerRelaxation>& relaxation,
                                const SlopeSearchOptions& options, const base::Budget& budget) {
  std::vector<Averages> averages;
  std::vector<Rows> open;  // 1 where the slope is free
  for (const LayerRelaxation& line : relaxation) {
    averages.emplace_back(line.lower_slope.rows(), line.lower_slope.cols());
    open.emplace_back((line.upper_intercept.array() > 0).cast<double>().matrix());
  }
  BackwardPass pass;
  std::vector<Rows> pre_activations;
  SlopeSearchResult best;
  const double shrink = options.iterations > 1 ? std::pow(options.last_rate / options.first_rate, 1.0 / (options.iterations - 1)) : 1.0;
  double rate = options.first_rate;
  for (int iteration = 1; iteration <= options.iterations; ++iteration, rate *= shrink) {
    propagation.backward(rows, relaxation, pass);
    if (iteration == 1)
      best.upper = pass.upper;
    else
      best.upper = (pass.upper.array() < best.upper.array()).select(pass.upper, best.upper).eval();  // NaN is no better
    if (iteration == options.iterations) break;
    if (budget.spent()) {
      best.complete = false;
      break;
    }
    propagation.relaxed_forward(pass, relaxation, pre_activations);
    for (std::size_t j = 0; j < relaxation.size(); ++j) {
      const Rows gradient = (pass.coefficients[j].array().min(0.0) * pre_activations[j].array()).matrix();
      averages[j].step(gradient, rate, iteration, open[j], relaxation[j].lower_slope);
    }
  }
  return best;
}

}  // namespace espalier::bounds
