// A network, bounds and a region become rows and columns. Formulations are strategies behind one interface.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/bounds/bounds.hpp"
#include "espalier/milp/model.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::embed {

/// What is to be modelled: maximise the objective of `network` over `region`. `bounds` are valid for both.
struct Query {
  const nn::Network& network;
  const problem::Region& region;
  nn::Objective objective;
  const bounds::Bounds& bounds;
  base::Budget budget = {};
};

/// Thrown where the query's budget is spent before the model is built.
struct Interrupted {};

struct ModelSize {
  std::int64_t columns = 0;
  std::int64_t rows = 0;
  std::int64_t binaries = 0;
  std::int64_t nonzeros = 0;
};

/// A model and the way between its points and inputs of the network. Owns copies of all it needs.
class Embedding {
 public:
  virtual ~Embedding() = default;
  [[nodiscard]] const milp::Model& model() const { return model_; }
  [[nodiscard]] ModelSize size() const;

  /// The network's input at a point of the model (not clipped: hygiene is certify's).
  [[nodiscard]] virtual Eigen::VectorXd read_input(const std::vector<double>& point) const = 0;

  /// A feasible point of the model at `input` (in the region), by forward pass; its objective is the network's margin at `input`.
  /// Throws base::Error(data) if the length is wrong.
  [[nodiscard]] std::vector<double> complete(const Eigen::Ref<const Eigen::VectorXd>& input) const;

 protected:
  milp::Model model_;

 private:
  [[nodiscard]] virtual Eigen::Index inputs() const = 0;
  [[nodiscard]] virtual std::vector<double> do_lift(const Eigen::Ref<const Eigen::VectorXd>& input) const = 0;
};

class Formulation {
 public:
  virtual ~Formulation() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// Nothing if the budget is spent first. Throws base::Error(data) if network, region, bounds and objective do not fit together,
  /// base::Error(numeric) if a bound is not finite or crossed.
  [[nodiscard]] std::unique_ptr<Embedding> build(const Query& query) const;

 private:
  [[nodiscard]] virtual std::unique_ptr<Embedding> do_build(const Query& query) const = 0;
};

/// "big-m-literal": P2's model, literally (method 5.1, 5.2): x, d >= |x - x0|, g = W h + b as rows, h, a binary per neuron even if stable,
/// logits y.
///          2 n0 + 3 L n + n_out columns, 2 n0 + 1 + 4 L n + n_out rows, L n binaries.
/// "big-m":  x = x0 + p - n substituted into the first layer; p, n only where they can move and matter; no binaries for stable neurons,
///          constant and off neurons dropped, on neurons linear, pruned weights absent.
/// "big-m-split": P1 (5)-(9): v+ - v- = W o + b, 0 <= v+ <= M+ z, 0 <= v- <= M- (1 - z), o = v+, over the literal input part of
/// "big-m-literal".
/// Of an objective of m > 1 functions each maximises the largest, by one more column, m + 1 rows and m binaries.
/// Throws base::Error(configuration) naming the formulations there are.
[[nodiscard]] std::unique_ptr<Formulation> make_formulation(const std::string& name);
[[nodiscard]] std::vector<std::string> formulation_names();

}  // namespace espalier::embed
