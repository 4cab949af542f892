// "big-m-literal": P2's model as PySCIPOpt-ML's big-M writes it (method, section 5.2). Deviation: none known; the objective's "+1" is left
// out.
#include <algorithm>
#include <utility>

#include "embed/formulations.hpp"
#include "embed/literal_input.hpp"
#include "embed/logits.hpp"
#include "embed/terms.hpp"

namespace espalier::embed {
namespace {

class PaperEmbedding final : public Embedding {
 public:
  explicit PaperEmbedding(const Query& query) : network_(query.network), input_(model_, query.region) {
    Columns before = input_.x();
    for (std::size_t k = 0; k < network_.hidden_layers(); ++k) {
      Layer layer = add_hidden_layer(query, k, before);
      before = layer.h;
      layers_.push_back(std::move(layer));
    }
    logits_ = Logits(model_, query, before);
  }

  Eigen::VectorXd read_input(const std::vector<double>& point) const override { return input_.read(point); }

 private:
  Eigen::Index inputs() const override { return network_.inputs(); }

  std::vector<double> do_lift(const Eigen::Ref<const Eigen::VectorXd>& input) const override {
    const std::vector<Eigen::VectorXd> g = nn::pre_activations(network_, input);
    std::vector<double> point(model_.columns().size(), 0.0);
    input_.write(point, input);
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      for (Eigen::Index i = 0; i < g[k].size(); ++i) {
        const auto n = static_cast<std::size_t>(i);
        set(point, layers_[k].g[n], g[k][i]);
        set(point, layers_[k].h[n], std::max(0.0, g[k][i]));
        set(point, layers_[k].z[n], g[k][i] > 0 ? 1 : 0);
      }
    }
    logits_.write(point, g.back());
    return point;
  }

  struct Layer {
    Columns g, h, z;
  };

  Layer add_hidden_layer(const Query& query, std::size_t k, const Columns& before) {
    const bounds::LayerBounds& range = query.bounds.layers[k];
    const Eigen::Index width = network_.layers[k].outputs();
    Layer layer;
    for (Eigen::Index i = 0; i < width; ++i) {
      layer.g.push_back(model_.add_column({.lower = -milp::infinity, .name = neuron_name("g", k, i)}));
      layer.h.push_back(model_.add_column({.lower = 0, .name = neuron_name("h", k, i)}));
      layer.z.push_back(model_.add_binary(neuron_name("z", k, i)));
    }
    for (Eigen::Index i = 0; i < width; ++i) {
      check_budget(query);
      const auto n = static_cast<std::size_t>(i);
      add_pre_activation(k, i, layer.g[n], before);
      add_relu(k, i, layer.g[n], layer.h[n], layer.z[n], range.lower[i], range.upper[i]);
    }
    return layer;
  }

  /// g = W h + b
  void add_pre_activation(std::size_t k, Eigen::Index i, milp::Column g, const Columns& before) {
    const double bias = network_.layers[k].bias[i];
    milp::RowData row{.lower = bias, .upper = bias, .terms = {{g, 1}}, .name = neuron_name("pre", k, i)};
    append_weighted(row.terms, network_.layers[k], i, before, -1);
    model_.add_row(std::move(row));
  }

  /// h >= g;  h <= g - (1 - z) L;  h <= z U.  Literal for stable neurons too: with L > 0 or U < 0 the rows fix z.
  void add_relu(std::size_t k, Eigen::Index i, milp::Column g, milp::Column h, milp::Column z, double lower, double upper) {
    model_.add_row({.lower = 0, .terms = {{h, 1}, {g, -1}}, .name = neuron_name("above", k, i)});
    milp::RowData on{.upper = -lower, .terms = {{h, 1}, {g, -1}}, .name = neuron_name("on", k, i)};
    append(on.terms, z, -lower);
    model_.add_row(std::move(on));
    milp::RowData off{.upper = 0, .terms = {{h, 1}}, .name = neuron_name("off", k, i)};
    append(off.terms, z, -upper);
    model_.add_row(std::move(off));
  }

  nn::Network network_;
  LiteralInput input_;
  std::vector<Layer> layers_;
  Logits logits_;
};

class BigMLiteral final : public Formulation {
 public:
  std::string name() const override { return "big-m-literal"; }

 private:
  std::unique_ptr<Embedding> do_build(const Query& query) const override { return std::make_unique<PaperEmbedding>(query); }
};

}  // namespace

std::unique_ptr<Formulation> make_big_m_literal() { return std::make_unique<BigMLiteral>(); }

}  // namespace espalier::embed
