#include "espalier/attack/attack.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attack/margin.hpp"
#include "espalier/base/budget.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::attack {
namespace {

void check(const nn::Network& network, const problem::Region& region, const AttackOptions& options) {
  if (region.dimension() != network.inputs()) {
    base::fail(base::ErrorKind::data, "attack: expected a region of dimension {} (the network's inputs), found {}", network.inputs(),
               region.dimension());
  }
  if (options.starts < 1) base::fail(base::ErrorKind::configuration, "attack: starts: expected at least 1, found {}", options.starts);
  if (options.iterations < 0)
    base::fail(base::ErrorKind::configuration, "attack: iterations: expected at least 0, found {}", options.iterations);
}

class Search {
 public:
  Search(const nn::Network& network, const problem::Region& region, const nn::Objective& objective, const AttackOptions& options)
      : options_(options),
        budget_(options.time_limit_seconds, options.stop_requested),
        margin_(network, objective),
        region_(region),
        maximiser_(region),
        random_(options.seed, "attack"),
        directions_(options.seed, "attack where the gradient is zero"),
        points_(region.centre.transpose().replicate(options.starts, 1)),
        own_(static_cast<std::size_t>(options.starts)),
        smoothing_(options.starts) {
    smoothing_[0] = least_smoothing;
    for (Eigen::Index r = 1; r < smoothing_.size(); ++r) smoothing_[r] = random_smoothing();
  }

  AttackResult operator()() {
    first_ = margin_.first_layer(points_);
    values_ = margin_.forward(first_, pre_activations_);
    rank_functions();
    bool goes_on = offer(0);
    for (int iteration = 0; iteration < options_.iterations && goes_on; ++iteration) goes_on = !budget_.spent() && step();
    result_.complete = goes_on;
    return std::move(result_);
  }

 private:
  static constexpr double least_smoothing = 1e-3;
  double random_smoothing() { return std::exp2(random_.uniform(-5, 1)); }

  /// The points share the functions out, the one that is largest at the clean input first.
  void rank_functions() {
    ranked_.resize(static_cast<std::size_t>(margin_.functions()));
    std::iota(ranked_.begin(), ranked_.end(), Eigen::Index{0});
    std::stable_sort(ranked_.begin(), ranked_.end(), [this](Eigen::Index a, Eigen::Index b) { return values_(0, a) > values_(0, b); });
    for (std::size_t r = 0; r < own_.size(); ++r) take_function(r);
  }
  void take_function(std::size_t r) { own_[r] = ranked_[next_function_++ % ranked_.size()]; }

  /// Row r is a candidate for the best point. False: the caller wants no more.
  bool offer(Eigen::Index r) {
    // NaN is no better than anything.
    const double value = values_.row(r).maxCoeff<Eigen::PropagateNumbers>();
    const double margin = std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
    if (result_.input.size() > 0 && margin <= result_.margin) return true;
    result_.input = points_.row(r).transpose().cwiseMax(region_.box.lower).cwiseMin(region_.box.upper);
    result_.margin = margin;
    return !options_.on_improvement || !options_.on_improvement(result_.input, result_.margin);
  }

  /// A gradient of exactly 0, as where all ReLUs are off, shows no way, and would hold its point at the centre: a random direction does
  /// instead. Tells which rows these are.
  std::vector<bool> leave_flat_places(Rows& gradient) {
    std::vector<bool> flat;
    for (Eigen::Index r = 0; r < gradient.rows(); ++r) {
      flat.push_back((gradient.row(r).array() == 0).all());
      if (!flat.back()) continue;
      for (Eigen::Index k = 0; k < gradient.cols(); ++k) gradient(r, k) = directions_.uniform(-1, 1);
    }
    return flat;
  }

  /// One step of every row. False: the caller wants no more, or the budget was spent within the step, which is then dropped.
  bool step() {
    Rows gradient = margin_.gradient(pre_activations_, own_, smoothing_);
    const std::vector<bool> flat = leave_flat_places(gradient);
    Rows ends = region_.centre.transpose().replicate(gradient.rows(), 1);
    for (Eigen::Index r = 0; r < gradient.rows(); ++r) {
      maximiser_.maximise({gradient.row(r).data(), static_cast<std::size_t>(gradient.cols())});
      for (const problem::Step& s : maximiser_.steps()) ends(r, s.pixel) += s.change;
    }
    const Rows first_at_ends = margin_.first_layer(ends);
    for (Eigen::Index r = 0; r < gradient.rows(); ++r) {
      const auto n = static_cast<std::size_t>(r);
      const double value = values_(r, own_[n]);
      const LineMaximum best = margin_.maximise_along(own_[n], first_.row(r), first_at_ends.row(r) - first_.row(r), budget_);
      if (budget_.spent()) return false;
      double t = best.position;
      if (best.value <= value + 1e-9 * std::abs(value) && (flat[n] || smoothing_[r] <= least_smoothing)) {
        // A local maximum, as far as this direction tells: start again from a random place on the way, for the next function.
        t = random_.uniform();
        smoothing_[r] = random_smoothing();
        take_function(n);
      } else {
        smoothing_[r] = std::max(least_smoothing, smoothing_[r] * 0.7);
      }
      points_.row(r) += t * (ends.row(r) - points_.row(r));
      first_.row(r) += t * (first_at_ends.row(r) - first_.row(r));
    }
    result_.steps += gradient.rows();
    values_ = margin_.forward(first_, pre_activations_);
    for (Eigen::Index r = 0; r < gradient.rows(); ++r) {
      if (!offer(r)) return false;
    }
    return true;
  }

  const AttackOptions& options_;
  base::Budget budget_;
  Margin margin_;
  const problem::Region& region_;
  problem::LinearMaximiser maximiser_;
  base::RandomStream random_;
  base::RandomStream directions_;  ///< its own: what is not at such a place draws the same numbers
  Rows points_;
  Rows first_;  ///< first-layer pre-activations of the points
  std::vector<Rows> pre_activations_;
  Rows values_;                       ///< of the objective's functions, by point
  std::vector<Eigen::Index> ranked_;  ///< the functions
  std::vector<Eigen::Index> own_;     ///< by point
  std::size_t next_function_ = 0;
  Eigen::VectorXd smoothing_;
  AttackResult result_;
};

}  // namespace

AttackResult run_attack(const nn::Network& network, const problem::Region& region, const nn::Objective& objective,
                        const AttackOptions& options) {
  check(network, region, options);
  check(objective, network.outputs());
  return Search(network, region, objective, options)();
}

}  // namespace espalier::attack
