// "big-m": the same problem with less to say (method, sections 5.1 and 5.2, "ours").
//   x = x0 + p - n is substituted into the first layer; p_k, n_k exist where pixel k can move that way and some neuron of the model reads
//   it. Neurons that are constant or stably inactive over the region, or that no path of non-zero weights joins to the objective, are not
//   in the model. Stably active: h = W h' + b. Unstable: h - s = W h' + b, h <= U z, s <= -L (1 - z): one dense row where the literal form
//   needs two. The objective is made of the logits' rows.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "embed/formulations.hpp"
#include "embed/live_neurons.hpp"
#include "embed/objective.hpp"
#include "embed/terms.hpp"
#include "espalier/problem/region_columns.hpp"

namespace espalier::embed {
namespace {

using bounds::ReluCase;
constexpr milp::Column absent{};

bool is_present(milp::Column column) { return column.index >= 0; }

class LeanEmbedding final : public Embedding {
 public:
  explicit LeanEmbedding(const Query& query)
      : network_(query.network),
        region_(query.region),
        bounds_(query.bounds),
        live_(find_live_neurons(query)),
        input_(model_, region_, live_.pixels) {
    for (std::size_t k = 0; k < network_.hidden_layers(); ++k) {
      neurons_.emplace_back();
      for (Eigen::Index i = 0; i < network_.layers[k].outputs(); ++i) {
        check_budget(query);
        neurons_.back().push_back(add_neuron(k, i));
      }
    }
    set_objective(query);
  }

  Eigen::VectorXd read_input(const std::vector<double>& point) const override { return input_.read(point); }

 private:
  /// What a live neuron is made of; absent columns where its case has none.
  struct Neuron {
    milp::Column h = absent, s = absent, z = absent;
  };

  Eigen::Index inputs() const override { return network_.inputs(); }

  Neuron add_neuron(std::size_t k, Eigen::Index i) {
    if (!live_.neurons[k][static_cast<std::size_t>(i)]) return {};
    const double lower = bounds_.layers[k].lower[i], upper = bounds_.layers[k].upper[i];
    return bounds::classify(lower, upper) == ReluCase::stably_active ? add_stably_active(k, i, lower, upper)
                                                                     : add_unstable(k, i, lower, upper);
  }

  /// h = W h' + b
  Neuron add_stably_active(std::size_t k, Eigen::Index i, double lower, double upper) {
    const Neuron neuron{.h = model_.add_column({.lower = lower, .upper = upper, .name = neuron_name("h", k, i)})};
    add_equality(neuron_name("on", k, i), {{neuron.h, 1}}, pre_activation(k, i));
    return neuron;
  }

  /// h - s = W h' + b;  h <= U z;  s <= -L (1 - z)
  Neuron add_unstable(std::size_t k, Eigen::Index i, double lower, double upper) {
    const Neuron neuron{.h = model_.add_column({.lower = 0, .upper = upper, .name = neuron_name("h", k, i)}),
                        .s = model_.add_column({.lower = 0, .upper = -lower, .name = neuron_name("s", k, i)}),
                        .z = model_.add_binary(neuron_name("z", k, i))};
    add_equality(neuron_name("split", k, i), {{neuron.h, 1}, {neuron.s, -1}}, pre_activation(k, i));
    model_.add_row({.upper = 0, .terms = {{neuron.h, 1}, {neuron.z, -upper}}, .name = neuron_name("off", k, i)});
    model_.add_row({.upper = -lower, .terms = {{neuron.s, 1}, {neuron.z, -lower}}, .name = neuron_name("on", k, i)});
    return neuron;
  }

  /// left = right
  void add_equality(std::string name, std::vector<milp::Term> left, const Affine& right) {
    for (const milp::Term& term : right.terms) left.push_back({term.column, -term.coefficient});
    model_.add_row({.lower = right.constant, .upper = right.constant, .terms = std::move(left), .name = std::move(name)});
  }

  /// W_k[i] h + b_k[i] over the model's columns.
  Affine pre_activation(std::size_t k, Eigen::Index i) const {
    const nn::Layer& layer = network_.layers[k];
    Affine sum{.constant = layer.bias[i], .terms = {}};
    for (Eigen::Index j = 0; j < layer.inputs(); ++j) add_input_of(k, j, layer.weight(i, j), sum);
    return sum;
  }

  /// sum += w * (input j of layer k)
  void add_input_of(std::size_t k, Eigen::Index j, double w, Affine& sum) const {
    if (w == 0.0) return;
    const auto n = static_cast<std::size_t>(j);
    if (k == 0) {
      sum.constant += w * region_.centre[j];
      input_.append(sum.terms, j, w);
    } else if (is_present(neurons_[k - 1][n].h)) {
      sum.terms.push_back({neurons_[k - 1][n].h, w});
    } else if (const double l = bounds_.layers[k - 1].lower[j]; bounds::classify(l, bounds_.layers[k - 1].upper[j]) == ReluCase::constant) {
      sum.constant += w * std::max(0.0, l);
    }  // else stably inactive: contributes 0. A neuron that is not live only because nothing reads it is never asked for.
  }

  void set_objective(const Query& query) {
    const std::size_t last = network_.layers.size() - 1;
    std::vector<Affine> functions;
    for (const nn::OutputFunction& function : query.objective.functions) {
      const nn::OutputRow output = output_row(function, network_.layers[last]);
      Affine sum{.constant = output.bias, .terms = {}};
      for (Eigen::Index j = 0; j < output.weight.size(); ++j) add_input_of(last, j, output.weight[j], sum);
      functions.push_back(std::move(sum));
    }
    objective_ = ModelObjective(model_, query, std::move(functions));
  }

  std::vector<double> do_lift(const Eigen::Ref<const Eigen::VectorXd>& input) const override {
    std::vector<double> point(model_.columns().size(), 0.0);
    input_.write(point, input);
    const std::vector<Eigen::VectorXd> g = nn::pre_activations(network_, input);
    for (std::size_t k = 0; k < neurons_.size(); ++k) {
      for (std::size_t i = 0; i < neurons_[k].size(); ++i) {
        const Neuron& neuron = neurons_[k][i];
        const double value = g[k][static_cast<Eigen::Index>(i)];
        if (is_present(neuron.h)) set(point, neuron.h, std::max(0.0, value));
        if (is_present(neuron.s)) set(point, neuron.s, std::max(0.0, -value));
        if (is_present(neuron.z)) set(point, neuron.z, value > 0 ? 1 : 0);
      }
    }
    objective_.write(point, g.back());
    return point;
  }

  nn::Network network_;
  problem::Region region_;
  bounds::Bounds bounds_;
  LiveNeurons live_;
  problem::RegionColumns input_;
  std::vector<std::vector<Neuron>> neurons_;
  ModelObjective objective_;
};

class BigM final : public Formulation {
 public:
  std::string name() const override { return "big-m"; }

 private:
  std::unique_ptr<Embedding> do_build(const Query& query) const override { return std::make_unique<LeanEmbedding>(query); }
};

}  // namespace

std::unique_ptr<Formulation> make_big_m() { return std::make_unique<BigM>(); }

}  // namespace espalier::embed
