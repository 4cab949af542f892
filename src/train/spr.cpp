// Structured perspective regularisation (Cacciola, Frangioni and Lodi 2023, section 3; Frangioni and Gentile's perspective function).
#include <cmath>

#include "espalier/base/error.hpp"
#include "regularisers.hpp"
#include "row_norms.hpp"

namespace espalier::train {
namespace {

/// With c = sqrt(a / (1 - a)), n2 = ||g||_2, ni = ||g||_inf, the minimiser is y = min(1, max(ni / M, c n2)), hence three cases:
///   norm       ni / M <= c n2 < 1    z = 2 sqrt(a (1 - a)) n2             dz = 2 sqrt(a (1 - a)) g / n2, 0 at 0
///   bounded    c n2 < ni / M < 1     z = a M n2^2 / ni + (1 - a) ni / M   dz = 2 a M g / ni, and at the largest entry
///                                                                         + sign(g) ((1 - a) / M - a M n2^2 / ni^2)
///   saturated  else                  z = a n2^2 + 1 - a                   dz = 2 a g
/// z and its value at the borders are continuous.
struct Term {
  double value = 0;
  double factor = 0;      ///< dz = factor * g ...
  double at_largest = 0;  ///< ... plus sign(g_k) * at_largest, shared among the entries of largest size
};

Term norm_case(double alpha, double n2) {
  const double slope = 2 * std::sqrt(alpha * (1 - alpha));
  return {slope * n2, n2 > 0 ? slope / n2 : 0, 0};
}

Term bounded_case(double alpha, double m, double n2, double ni) {
  const double largest = std::max(ni, 1e-10);  // the authors' guard; ni > 0 here, but may be denormal
  return {alpha * m * n2 * n2 / largest + (1 - alpha) * largest / m, 2 * alpha * m / largest,
          (1 - alpha) / m - alpha * m * n2 * n2 / (largest * largest)};
}

Term saturated_case(double alpha, double n2) { return {alpha * n2 * n2 + 1 - alpha, 2 * alpha, 0}; }

Term term(double alpha, double m, double n2, double ni) {
  const double on = ni / m, free = std::sqrt(alpha / (1 - alpha)) * n2;
  if (std::max(on, free) >= 1) return saturated_case(alpha, n2);
  return on <= free ? norm_case(alpha, n2) : bounded_case(alpha, m, n2, ni);
}

/// Adds share * sign(g_k) to the entries k of row i with |g_k| = largest, where share is at_largest divided by their number.
void add_at_largest(const LayerView<float>& layer, Eigen::Index i, double largest, double at_largest, LayerView<float>& gradient) {
  const auto is_largest = [&](float g) { return std::abs(static_cast<double>(g)) >= largest; };
  const auto row = layer.weight.row(i);
  int count = is_largest(layer.bias[i]);
  for (Eigen::Index j = 0; j < row.size(); ++j) count += is_largest(row[j]);
  const auto share = static_cast<float>(at_largest / count);
  if (is_largest(layer.bias[i])) gradient.bias[i] += std::copysign(share, share * layer.bias[i]);
  for (Eigen::Index j = 0; j < row.size(); ++j)
    if (is_largest(row[j])) gradient.weight(i, j) += std::copysign(share, share * row[j]);
}

class Spr : public Regulariser {
 public:
  explicit Spr(const RegulariserOptions& options) : options_(options) {}
  std::string name() const override { return "spr"; }

  double add(const std::vector<LayerView<float>>& parameters, std::vector<LayerView<float>>& gradient) const override {
    if (parameters.size() != options_.big_m.size())
      base::fail(base::ErrorKind::configuration, "regulariser spr: expected an M for each of the network's {} layers, found {}",
                 parameters.size(), options_.big_m.size());
    double sum = 0;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const double weight = options_.strength * scale(parameters, k);
      for_row_blocks(parameters[k], [&](Eigen::Index first, const RowNorms& norms) {
        RowArray factors(norms.two.size());
        for (Eigen::Index i = 0; i < norms.two.size(); ++i) {
          const Term t = term(options_.alpha, options_.big_m[k], norms.two[i], norms.infinity[i]);
          sum += weight * t.value;
          factors[i] = weight * t.factor;
          if (t.at_largest != 0) add_at_largest(parameters[k], first + i, norms.infinity[i], weight * t.at_largest, gradient[k]);
        }
        add_scaled_rows(parameters[k], first, factors, gradient[k]);
      });
    }
    return sum;
  }

 private:
  double scale(const std::vector<LayerView<float>>& parameters, std::size_t k) const {
    if (options_.scaling == Scaling::plain) return 1;
    Eigen::Index all = 0;
    for (const auto& layer : parameters) all += layer.weight.size() + layer.bias.size();
    return static_cast<double>(parameters[k].weight.cols() + 1) / static_cast<double>(all);
  }

  RegulariserOptions options_;
};

}  // namespace

std::shared_ptr<const Regulariser> make_spr(const RegulariserOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1))
    base::fail(base::ErrorKind::configuration, "regulariser spr: expected alpha in (0, 1), found {}", options.alpha);
  for (std::size_t k = 0; k < options.big_m.size(); ++k)
    if (!(std::isfinite(options.big_m[k]) && options.big_m[k] > 0))
      base::fail(base::ErrorKind::configuration,
                 "regulariser spr: expected M > 0 in layer {} (counted from 0), found {}: all weights of the reference's layer are 0", k,
                 options.big_m[k]);
  return std::make_shared<Spr>(options);
}

}  // namespace espalier::train
