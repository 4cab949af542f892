#include "engine/searched_network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/search.hpp"
#include "espalier/branch/tighten.hpp"
#include "espalier/nn/rescale.hpp"
#include "espalier/reduce/compress.hpp"

namespace espalier::engine {
namespace {

/// Bounds of the network that `rescaled` was made of.
bounds::Bounds in_original_units(bounds::Bounds bounds, const nn::Rescaled& rescaled) {
  for (std::size_t k = 0; k < bounds.layers.size(); ++k) {
    for (Eigen::Index i = 0; i < rescaled.exponents[k].size(); ++i) {
      const int exponent = -rescaled.exponents[k][i];
      bounds.layers[k].lower[i] = std::ldexp(bounds.layers[k].lower[i], exponent);
      bounds.layers[k].upper[i] = std::ldexp(bounds.layers[k].upper[i], exponent);
    }
  }
  return bounds;
}

/// What nn::rescale says of [-1,1]^n holds, times this, for the region: deviations grow at most in proportion to the inputs.
double largest_input(const problem::Region& region) { return std::max(1.0, magnitude(region.box).maxCoeff()); }

/// How far the objective may be off where the logits are by as much as this.
double objective_deviation(const nn::Objective& objective, const Eigen::VectorXd& of_logits) {
  double largest = 0;
  for (const nn::OutputFunction& function : objective.functions)
    largest = std::max(largest, function.coefficients.cwiseAbs().dot(of_logits));
  return largest;
}

/// One step: rescaled.network's margin in place of that of what it was made of.
SearchedNetwork after(const SearchedNetwork& before, nn::Rescaled rescaled, double largest) {
  const double factor = std::ldexp(1.0, rescaled.objective_exponent);
  const double deviation = factor * before.deviation + largest * objective_deviation(rescaled.objective, rescaled.deviation);
  return {.network = std::move(rescaled.network),
          .objective = std::move(rescaled.objective),
          .unit = before.unit / factor,
          .deviation = deviation};
}

}  // namespace

SearchedNetwork searched_network(const problem::Problem& problem, const nn::Network& network, const SolveSettings& settings,
                                 const base::Stopwatch& watch, SolveResult& result) {
  const nn::Rescaled rescaled = nn::rescale(network, problem.objective());
  const problem::Region region = problem.region();
  const double largest = largest_input(region);
  SearchedNetwork searched = after({}, rescaled, largest);
  if (!settings.compress || settings.solver == "attack") return searched;
  const double begin = watch.wall_seconds();
  const std::string& method = settings.solver == "bab" ? "alpha-crown" : settings.bounds;
  const base::Budget budget(bounds_share * std::max(0.0, settings.time_limit_seconds - begin), settings.stop_requested);
  const bounds::Bounds proof = branch::make_bounds_method(method)->compute(searched.network, region, budget);
  if (!proof.complete) note_cut_short("bounds", result);
  const double bounded = watch.wall_seconds();
  reduce::Compression made = reduce::compress(searched.network, proof, {.lower = region.box.lower, .upper = region.box.upper});
  searched.deviation += objective_deviation(searched.objective, made.deviation);
  searched = after(searched, nn::rescale(made.network, searched.objective), largest);
  result.bounds_seconds += bounded - begin;
  result.embed_seconds += watch.wall_seconds() - bounded;
  result.compression = {.layers = std::move(made.layers),
                        .proof = in_original_units(proof, rescaled),
                        .smallest_slack = made.smallest_slack,
                        .deviation = searched.unit * searched.deviation};
  return searched;
}

}  // namespace espalier::engine
