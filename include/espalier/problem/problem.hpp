// The question as a value: how far can the margin of one input be pushed within a region?
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "espalier/nn/network.hpp"
#include "espalier/nn/objective.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::problem {

/// maximise  y[target] - y[label],  y = network(x),  over  x in the box  with  ||x - input|| <= epsilon.
/// A positive maximum means that an adversarial input exists. (Method: P1 eq. 10-13, P2 section 3; both papers use the L1 norm in code.)
/// Without a target the largest y[c] of all other classes takes the place of y[target]; and if `functions` are given, the largest of them
/// is maximised.
struct Problem {
  std::string name;
  nn::Network network;    ///< the dense network: the one whose answer counts
  Eigen::VectorXd input;  ///< x0, the clean input in the box; of an image row-major
  Norm norm = Norm::l1;
  double epsilon = 0;                         ///< radius in that norm, > 0; not used with norm none
  std::optional<Box> box;                     ///< [0,1]^n if there is none
  int label = 0;                              ///< the class to leave
  std::optional<int> target;                  ///< the class to reach; any other one if there is none
  std::vector<nn::OutputFunction> functions;  ///< if there are any, label and target count for nothing

  std::string dataset;                           ///< "mnist", ...; empty if unknown
  std::optional<std::int64_t> input_side;        ///< the image is input_side x input_side pixels; norm row_wise needs it
  std::optional<std::int64_t> sample_index;      ///< index of the image in its data set
  std::optional<int> true_label;                 ///< what the data set says
  std::optional<double> optimum;                 ///< proven maximum, if known
  std::optional<Eigen::VectorXd> optimal_input;  ///< an input that attains it
  std::string note;

  [[nodiscard]] nn::Objective objective() const;
  [[nodiscard]] Region region() const { return make_region(norm, input, epsilon, box ? *box : unit_box(input.size()), row_length()); }
  /// ||x - input||
  [[nodiscard]] double distance(const Eigen::Ref<const Eigen::VectorXd>& x) const {
    return problem::distance(norm, x, input, row_length());
  }
  [[nodiscard]] Eigen::Index row_length() const { return input_side.value_or(1); }

  /// Throws base::Error(data) saying "problem '<name>': <object>: expected ..., found ..." when the network is malformed or of numbers
  /// whose products leave float64 (nn::rescale), the input or the box has another length than the network's inputs, a bound of the box is
  /// not finite or beyond +-1e6 or above its upper one, the input leaves the box or is NaN, epsilon is not finite and positive (but with
  /// norm none), input_side is not there with norm row_wise, a class is out of range, label == target, there is no other class, `functions`
  /// do not pass nn::check() or have a number that is neither 0 nor of a size in [1e-100, 1e9], or optimal_input (if any) has a wrong
  /// length. `where` (a file name) is put in front if not empty.
  void check(const std::string& where = {}) const;
};

/// label = top-1 and target = top-2 of the network's logits (float64) at `input`; ties go to the lower class. Method, section 1.1 and 10.1:
/// call it with the dense network (label_source dense, the papers' text) or with the surrogate (label_source surrogate, P2's code).
/// Throws base::Error(data) if the network has fewer than two outputs or the input another length.
struct Labels {
  int label = 0;
  int target = 0;
};
[[nodiscard]] Labels choose_labels(const nn::Network& network, const Eigen::Ref<const Eigen::VectorXd>& input);

}  // namespace espalier::problem
