// Better lower slopes for bound propagation (alpha-CROWN, Xu et al. 2021).
#pragma once
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/bounds/propagation.hpp"

namespace espalier::bounds {

struct SlopeSearchOptions {
  int iterations = 20;      ///< backward passes
  double first_rate = 0.4;  ///< Adam's step in a slope, at first and ...
  double last_rate = 0.05;  ///< ... at last; geometric in between
};

struct SlopeSearchResult {
  Eigen::VectorXd upper;
  bool complete = true;  ///< false: the budget was spent after some iterations, at least one
};

/// Each row's upper bound, minimised over its own lower slopes in [0, 1] of all unstable neurons by projected Adam; the best of all
/// iterations, the first of which uses `relaxation` as given. Every iterate is a valid bound; the number of iterations is fixed, so equal
/// arguments give equal bits. `relaxation` is left at the last iterate.
SlopeSearchResult search_slopes(Propagation& propagation, const AffineRows& rows, std::vector<LayerRelaxation>& relaxation,
                                const SlopeSearchOptions& options, const base::Budget& budget);

}  // namespace espalier::bounds
