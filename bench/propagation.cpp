// What share of the machine's speed bound propagation reaches: batches of rows taken back to the input of real problems, beside Eigen's
// products of the same shapes, its product of large matrices, and multiply-adds that stay in registers. One core, CPU time.
//
//   bench_propagation PROBLEMS.h5...      e.g. bench_propagation results/dense/problems/*.h5
//
// Counted are the operations of the products alone (2 rows sum n_j n_(j-1)), so relaxation, padding and knapsack are pure loss.
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/bounds/propagation.hpp"
#include "espalier/problem/file.hpp"

namespace {

using namespace espalier;
using bounds::Rows;

/// CPU seconds of one call: the best of five samples of at least 20 ms.
double seconds(const std::function<void()>& work) {
  double best = 1e300;
  long calls = 1;
  for (int sample = 0; sample < 5;) {
    const base::Stopwatch watch;
    for (long i = 0; i < calls; ++i) work();
    const double spent = watch.cpu_seconds();
    if (spent < 0.02) {
      calls *= 2;
      continue;
    }
    best = std::min(best, spent / static_cast<double>(calls));
    ++sample;
  }
  return best;
}

/// Billions of operations per second of independent multiply-adds on as many registers as hide their latency.
double register_speed() {
  using Packet = Eigen::internal::packet_traits<double>::type;
  constexpr int width = Eigen::internal::packet_traits<double>::size, registers = 12, steps = 10000;
  const Packet factor = Eigen::internal::pset1<Packet>(0.999), term = Eigen::internal::pset1<Packet>(0.001);
  double used = 0;
  const double once = seconds([&] {
    Packet sums[registers];  // local, or they would be stored in every step
    std::fill_n(sums, registers, term);
    for (int i = 0; i < steps; ++i)
      for (Packet& sum : sums) sum = Eigen::internal::pmadd(sum, factor, term);
    for (const Packet& sum : sums) used += Eigen::internal::predux(sum);
  });
  if (used == 0) std::puts("");  // the sums are used
  return 2e-9 * steps * registers * width / once;
}

double large_product_speed() {
  constexpr Eigen::Index n = 768;
  const Rows a = Rows::Random(n, n), b = Rows::Random(n, n);
  Rows c(n, n);
  return 2e-9 * n * n * n / seconds([&] { c.noalias() = a * b; });
}

/// The products of a backward pass and nothing else.
double products_seconds(const std::vector<Rows>& weights, Eigen::Index rows) {
  std::vector<Rows> coefficients;
  for (const Rows& weight : weights) coefficients.push_back(Rows::Random(rows, weight.cols()));
  coefficients.push_back(Rows::Random(rows, weights.back().rows()));
  return seconds([&] {
    for (std::size_t j = weights.size(); j-- > 0;) coefficients[j].noalias() = coefficients[j + 1] * weights[j];
  });
}

void measure(const problem::Problem& problem, double peak) {
  const bounds::Bounds valid = bounds::make_crown()->compute(problem.network, problem.region());
  bounds::Propagation propagation(problem.network, problem.region(), valid);
  std::vector<Rows> weights;
  double operations = 0;
  for (std::size_t j = 0; j < propagation.hidden_layers(); ++j) {
    weights.emplace_back(problem.network.layers[j].weight.cast<double>());
    operations += 2e-9 * static_cast<double>(weights.back().size());
  }
  for (const Eigen::Index rows : {1, 8, 32, 128, 512}) {
    std::vector<bounds::LayerRelaxation> relaxation;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      relaxation.push_back(bounds::make_relaxation(valid.layers[j], rows));
      relaxation.back().split_multiplier = Rows::Zero(rows, propagation.width(j));
      // Every row has its own slopes, as nodes have: equal rows would all be cut at the same pixel.
      auto slope = relaxation.back().lower_slope.array();
      slope = (relaxation.back().upper_intercept.array() > 0).select(Rows::Random(rows, slope.cols()).array().abs(), slope);
    }
    const bounds::AffineRows start =
        propagation.margin_rows(problem.objective()).rows(std::vector<Eigen::Index>(static_cast<std::size_t>(rows), 0));
    bounds::BackwardPass pass;
    std::vector<Rows> g;
    const double backward = seconds([&] { propagation.backward(start, relaxation, pass); });
    const double forward = seconds([&] { propagation.relaxed_forward(pass, relaxation, g); });
    const double products = products_seconds(weights, rows);
    const double all = static_cast<double>(rows) * operations;
    fmt::print("{:<28} {:>5} {:>9.2f} {:>9.2f} {:>9.1f} {:>10.1f} {:>9.2f} {:>9.2f}\n", nn::architecture(problem.network), rows,
               1e6 * backward / static_cast<double>(rows), 1e6 * forward / static_cast<double>(rows), all / backward, all / products,
               products / backward, all / backward / peak);
  }
}

int run(const std::vector<std::string>& files) {
  if (files.empty()) base::fail(base::ErrorKind::configuration, "usage: bench_propagation PROBLEMS.h5...");
  const double peak = register_speed();
  fmt::print("GFLOP/s of one core in float64: multiply-adds in registers {:.1f}, Eigen's product of 768 x 768 matrices {:.1f}\n\n", peak,
             large_product_speed());
  fmt::print("{:<28} {:>5} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}\n{:<28} {:>5} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}\n", "", "", "backward",
             "forward", "backward", "products", "of the", "of the", "network", "rows", "us/row", "us/row", "GFLOP/s", "GFLOP/s", "products",
             "peak");
  for (const std::string& file : files) measure(problem::read_problems(file).front(), peak);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
