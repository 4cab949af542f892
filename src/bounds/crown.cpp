// "crown" and "alpha-crown": layer by layer, backward propagation from every neuron over the bounds of the layers before it.
#include <algorithm>
#include <numeric>

#include "bounds/interval.hpp"
#include "espalier/bounds/bounds.hpp"
#include "espalier/bounds/propagation.hpp"
#include "espalier/bounds/slope_search.hpp"

namespace espalier::bounds {
namespace {

void intersect(LayerBounds& bounds, const LayerBounds& other) {
  // NaN is no better.
  bounds.lower = (other.lower.array() > bounds.lower.array()).select(other.lower, bounds.lower).eval();
  bounds.upper = (other.upper.array() < bounds.upper.array()).select(other.upper, bounds.upper).eval();
}

using Neurons = std::vector<Eigen::Index>;

/// Lines of hidden layers 0..layer-1, once per row.
std::vector<LayerRelaxation> lines_before(const Bounds& bounds, std::size_t layer, Eigen::Index rows) {
  std::vector<LayerRelaxation> relaxation;
  for (std::size_t j = 0; j < layer; ++j) relaxation.push_back(make_relaxation(bounds.layers[j], rows));
  return relaxation;
}

/// Intersects the bounds of some neurons of `layer` with those that one iteration (plain) or several (optimised slopes) give. In blocks,
/// so that a block's rows stay in the cache. False: the budget is spent.
bool tighten(Propagation& propagation, std::size_t layer, const Neurons& neurons, const SlopeSearchOptions& options,
             const base::Budget& budget, Bounds& bounds) {
  const auto block = static_cast<std::size_t>(std::min<Eigen::Index>(32, propagation.rows_at_a_time(layer) / 2));
  LayerBounds& target = bounds.layers[layer];
  for (std::size_t begin = 0; begin < neurons.size(); begin += block) {
    if (budget.spent()) return false;
    const std::span<const Eigen::Index> part(neurons.data() + begin, std::min(block, neurons.size() - begin));
    const auto count = static_cast<Eigen::Index>(part.size());
    std::vector<LayerRelaxation> relaxation = lines_before(bounds, layer, 2 * count);
    const SlopeSearchResult found = search_slopes(propagation, propagation.neuron_rows(layer, part), relaxation, options, budget);
    for (Eigen::Index r = 0; r < count; ++r) {
      const Eigen::Index i = part[static_cast<std::size_t>(r)];
      target.upper[i] = std::min(target.upper[i], found.upper[r]);
      target.lower[i] = std::max(target.lower[i], -found.upper[count + r]);
    }
    if (!found.complete) return false;
  }
  return true;
}

/// Neurons whose sign is open; in the output layer, where bounds decide nothing, all that are not constant.
Neurons unstable_neurons(const LayerBounds& bounds, bool output) {
  Neurons open;
  for (Eigen::Index i = 0; i < bounds.lower.size(); ++i) {
    const ReluCase relu_case = classify(bounds.lower[i], bounds.upper[i]);
    if (relu_case == ReluCase::unstable || (output && relu_case != ReluCase::constant)) open.push_back(i);
  }
  return open;
}

/// The bounds of the layers before `layer` are taken as they are.
void renew_layer(const nn::Network& network, Propagation& propagation, std::size_t layer, const SlopeSearchOptions& options,
                 const base::Budget& budget, Bounds& bounds) {
  const LayerBounds& before = bounds.layers[layer - 1];
  intersect(bounds.layers[layer], affine_image(network.layers[layer], before.lower.cwiseMax(0.0), before.upper.cwiseMax(0.0)));
  Neurons all(static_cast<std::size_t>(network.layers[layer].outputs()));
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  bool through = tighten(propagation, layer, all, {.iterations = 1}, budget, bounds);
  if (through && options.iterations > 1) {
    const Neurons open = unstable_neurons(bounds.layers[layer], layer + 1 == network.layers.size());
    through = tighten(propagation, layer, open, options, budget, bounds);
  }
  bounds.complete = bounds.complete && through;
  if (through) propagation.set_magnitudes(bounds);
}

/// `bounds` are valid and tightened from the front. Plain propagation for all neurons of a layer comes first. When the budget is spent,
/// intervals over what has been tightened are left for the other layers.
void propagate(const nn::Network& network, Propagation& propagation, const SlopeSearchOptions& options, const base::Budget& budget,
               Bounds& bounds) {
  for (std::size_t layer = 1; layer < network.layers.size(); ++layer) renew_layer(network, propagation, layer, options, budget, bounds);
}

class Crown final : public BoundsMethod {
 public:
  std::string name() const override { return "crown"; }

 private:
  Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const override {
    Bounds bounds = make_interval()->compute(network, region, budget);
    if (!bounds.complete) return bounds;
    Propagation propagation(network, region, bounds);
    propagate(network, propagation, {.iterations = 1}, budget, bounds);
    return bounds;
  }
};

class AlphaCrown final : public BoundsMethod {
 public:
  std::string name() const override { return "alpha-crown"; }

 private:
  /// The intersection with "crown" makes "never looser" hold exactly: better bounds of one layer may worsen a heuristic slope further
  /// on.
  Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const override {
    Bounds first = make_interval()->compute(network, region, budget);
    if (!first.complete) return first;
    Propagation propagation(network, region, first);
    Bounds plain = first;
    propagate(network, propagation, {.iterations = 1}, budget, plain);
    if (!plain.complete) return plain;
    Bounds bounds = first;
    propagation.set_magnitudes(first);
    propagate(network, propagation, {}, budget, bounds);
    for (std::size_t layer = 0; layer < bounds.layers.size(); ++layer) intersect(bounds.layers[layer], plain.layers[layer]);
    return bounds;
  }
};

}  // namespace

void renew(const nn::Network& network, const problem::Region& region, std::size_t layer, const base::Budget& budget, Bounds& bounds) {
  Propagation propagation(network, region, bounds);
  renew_layer(network, propagation, layer, {}, budget, bounds);
}

void narrow(const nn::Network& network, const problem::Region& part, Propagation& propagation, Bounds& bounds) {
  propagation.set_region(part, bounds);
  intersect(bounds.layers.front(), affine_image(network.layers.front(), part.box.lower, part.box.upper));
  std::vector<LayerRelaxation> lines{make_relaxation(bounds.layers.front(), 1)};
  BackwardPass pass;
  for (std::size_t layer = 1; layer + 1 < network.layers.size(); ++layer) {
    LayerBounds& own = bounds.layers[layer];
    const LayerBounds& before = bounds.layers[layer - 1];
    intersect(own, affine_image(network.layers[layer], before.lower.cwiseMax(0.0), before.upper.cwiseMax(0.0)));
    const Neurons open = unstable_neurons(own, false);
    if (!open.empty()) {
      const auto count = static_cast<Eigen::Index>(open.size());
      propagation.backward(propagation.neuron_rows(layer, open), lines, pass);
      for (Eigen::Index r = 0; r < count; ++r) {
        const Eigen::Index i = open[static_cast<std::size_t>(r)];
        own.upper[i] = std::min(own.upper[i], pass.upper[r]);
        own.lower[i] = std::max(own.lower[i], -pass.upper[count + r]);
      }
    }
    lines.push_back(make_relaxation(own, 1));
  }
}

std::unique_ptr<BoundsMethod> make_crown() { return std::make_unique<Crown>(); }
std::unique_ptr<BoundsMethod> make_alpha_crown() { return std::make_unique<AlphaCrown>(); }

}  // namespace espalier::bounds
