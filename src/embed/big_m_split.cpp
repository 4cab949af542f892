// "big-m-split": P1's model (5)-(9): the pre-activation is split into its positive and negative part. Deviation: the paper's
// M- = min{...} is read as max{-L, 0} (method, section 5.2); o = v+ is one column.
#include <algorithm>
#include <utility>

#include "embed/formulations.hpp"
#include "embed/literal_input.hpp"
#include "embed/logits.hpp"
#include "embed/terms.hpp"

namespace espalier::embed {
namespace {

class SplitEmbedding final : public Embedding {
 public:
  explicit SplitEmbedding(const Query& query) : network_(query.network), input_(model_, query.region) {
    Columns before = input_.x();
    for (std::size_t k = 0; k < network_.hidden_layers(); ++k) {
      Layer layer;
      for (Eigen::Index i = 0; i < network_.layers[k].outputs(); ++i) {
        check_budget(query);
        add_neuron(layer, k, i, before, query.bounds.layers[k].lower[i], query.bounds.layers[k].upper[i]);
      }
      before = layer.positive;
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
        set(point, layers_[k].positive[n], std::max(0.0, g[k][i]));
        set(point, layers_[k].negative[n], std::max(0.0, -g[k][i]));
        set(point, layers_[k].z[n], g[k][i] > 0 ? 1 : 0);
      }
    }
    logits_.write(point, g.back());
    return point;
  }

  struct Layer {
    Columns positive, negative, z;
  };

  /// v+ - v- = W o + b;  0 <= v+ <= M+ z;  0 <= v- <= M- (1 - z);  M+ = max(U, 0), M- = max(-L, 0).
  void add_neuron(Layer& layer, std::size_t k, Eigen::Index i, const Columns& before, double lower, double upper) {
    const double m_plus = std::max(upper, 0.0), m_minus = std::max(-lower, 0.0);
    const milp::Column positive = model_.add_column({.lower = 0, .upper = m_plus, .name = neuron_name("v+", k, i)});
    const milp::Column negative = model_.add_column({.lower = 0, .upper = m_minus, .name = neuron_name("v-", k, i)});
    const milp::Column z = model_.add_binary(neuron_name("z", k, i));
    const double bias = network_.layers[k].bias[i];
    milp::RowData row{.lower = bias, .upper = bias, .terms = {{positive, 1}, {negative, -1}}, .name = neuron_name("split", k, i)};
    append_weighted(row.terms, network_.layers[k], i, before, -1);
    model_.add_row(std::move(row));
    milp::RowData off{.upper = 0, .terms = {{positive, 1}}, .name = neuron_name("off", k, i)};
    append(off.terms, z, -m_plus);
    model_.add_row(std::move(off));
    milp::RowData on{.upper = m_minus, .terms = {{negative, 1}}, .name = neuron_name("on", k, i)};
    append(on.terms, z, m_minus);
    model_.add_row(std::move(on));
    layer.positive.push_back(positive);
    layer.negative.push_back(negative);
    layer.z.push_back(z);
  }

  nn::Network network_;
  LiteralInput input_;
  std::vector<Layer> layers_;
  Logits logits_;
};

class BigMSplit final : public Formulation {
 public:
  std::string name() const override { return "big-m-split"; }

 private:
  std::unique_ptr<Embedding> do_build(const Query& query) const override { return std::make_unique<SplitEmbedding>(query); }
};

}  // namespace

std::unique_ptr<Formulation> make_big_m_split() { return std::make_unique<BigMSplit>(); }

}  // namespace espalier::embed
