// Time of one training epoch (batch 64, Adam, file order) over the 60,000 MNIST images, beside the machine's speed in one large sgemm.
//
//   bench_train_epoch SIDE HIDDEN... [--repeat N]      e.g. bench_train_epoch 18 32 32
//
// Finds MNIST as the program does (ESPALIER_DATA or ./data). Prints one JSON object per repetition; evaluation is not timed.
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/train/initial.hpp"
#include "espalier/train/train.hpp"

namespace {

using namespace espalier;

/// Billions of operations per CPU second of a 1024 x 1024 x 1024 product by Eigen, best of three.
double sgemm_speed() {
  constexpr Eigen::Index n = 1024;
  const Eigen::MatrixXf a = Eigen::MatrixXf::Random(n, n), b = Eigen::MatrixXf::Random(n, n);
  Eigen::MatrixXf c(n, n);
  double best = 0;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const base::Stopwatch watch;
    c.noalias() = a * b;
    best = std::max(best, 2e-9 * n * n * n / watch.cpu_seconds());
  }
  if (c.sum() == 0) std::puts("");  // the product is used
  return best;
}

/// Operations of one epoch: forward, weight gradient and (not for the first layer) input gradient cost 2 in out each per sample.
double operations(const nn::Network& network, std::size_t samples) {
  double per_sample = 0;
  for (std::size_t k = 0; k < network.layers.size(); ++k)
    per_sample += (k == 0 ? 4.0 : 6.0) * static_cast<double>(network.layers[k].weight.size());
  return per_sample * static_cast<double>(samples);
}

int run(const std::vector<std::string>& arguments) {
  int repeat = 1;
  std::vector<Eigen::Index> numbers;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--repeat" && i + 1 < arguments.size())
      repeat = std::stoi(arguments[++i]);
    else
      numbers.push_back(std::stol(arguments[i]));
  }
  if (numbers.empty()) base::fail(base::ErrorKind::configuration, "usage: bench_train_epoch SIDE HIDDEN... [--repeat N]");
  const data::Dataset mnist = data::load_dataset("mnist", static_cast<int>(numbers[0]));
  std::vector<Eigen::Index> widths = {numbers[0] * numbers[0]};
  widths.insert(widths.end(), numbers.begin() + 1, numbers.end());
  widths.push_back(10);
  for (int i = 0; i < repeat; ++i) {
    nn::Network network = train::initial_network(widths, train::Initialisation::xavier_uniform, 2);
    const double sgemm = sgemm_speed();
    const auto report = train::train(network, mnist, {.epochs = 1, .batch_size = 64, .measure_accuracy = false});
    const double speed = operations(network, mnist.train.count()) * 1e-9 / report.cpu_seconds;
    fmt::print(
        "{{\"architecture\": \"{}\", \"wall_seconds\": {:.5f}, \"cpu_seconds\": {:.5f}, \"loss\": {:.6f}, \"gflops\": {:.2f}, "
        "\"sgemm_gflops\": {:.2f}}}\n",
        nn::architecture(network), report.wall_seconds, report.cpu_seconds, report.epoch_loss.back(), speed, sgemm);
  }
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
