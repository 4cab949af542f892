// The reference problems and random ones, for the tests of every module above problem.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"
#include "espalier/problem/file.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::testing {

inline std::filesystem::path reference_file() { return ESPALIER_SOURCE_DIR "/tests/reference/problems.h5"; }

/// All 17; throws, naming the file, when it is not there.
inline const std::vector<problem::Problem>& reference_problems() {
  static const std::vector<problem::Problem> problems = problem::read_problems(reference_file());
  return problems;
}

inline const problem::Problem& reference_problem(const std::string& name) {
  for (const problem::Problem& problem : reference_problems()) {
    if (problem.name == name) return problem;
  }
  base::fail(base::ErrorKind::internal, "no reference problem '{}'", name);
}

/// Weights and biases uniform in [-1, 1], each weight zeroed (and masked) with probability `pruned`.
inline nn::Network random_network(const std::vector<int>& widths, std::uint64_t seed, double pruned = 0) {
  base::RandomStream random(seed, "test network");
  nn::Network network;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    nn::Layer layer;
    layer.weight = nn::WeightMatrix(widths[k + 1], widths[k]);
    layer.bias = Eigen::VectorXf(widths[k + 1]);
    for (float& w : layer.weight.reshaped()) w = static_cast<float>(random.uniform(-1, 1));
    for (float& b : layer.bias) b = static_cast<float>(random.uniform(-1, 1));
    if (pruned > 0) {
      for (float& w : layer.weight.reshaped()) w = random.uniform() < pruned ? 0.0F : w;
      layer.mask = (layer.weight.array() != 0.0F).cast<std::uint8_t>().matrix();
    }
    network.layers.push_back(layer);
  }
  return network;
}

/// Images have many pixels at exactly 0 and some at 1, as MNIST has.
inline Eigen::VectorXd random_image(Eigen::Index pixels, base::RandomStream& random) {
  Eigen::VectorXd image(pixels);
  for (double& value : image) value = std::min(1.0, std::max(0.0, random.uniform(-0.7, 1.2)));
  return image;
}

inline problem::Problem random_problem(const std::vector<int>& widths, std::uint64_t seed, double epsilon, double pruned = 0) {
  base::RandomStream random(seed, "test image");
  problem::Problem problem;
  problem.name = "random_" + std::to_string(seed);
  problem.network = random_network(widths, seed, pruned);
  problem.input = random_image(widths.front(), random);
  problem.epsilon = epsilon;
  const problem::Labels labels = problem::choose_labels(problem.network, problem.input);
  problem.label = labels.label;
  problem.target = labels.target;
  return problem;
}

/// The same question over another region: a ball of that norm, cut with a box whose sides have random ends in [-1.5, 2.5] about the image.
inline problem::Problem within_random_box(problem::Problem problem, problem::Norm norm, double epsilon) {
  base::RandomStream random(static_cast<std::uint64_t>(1000 * epsilon), "test box");
  problem.norm = norm;
  problem.epsilon = epsilon;
  problem.box = problem::unit_box(problem.input.size());
  if (norm == problem::Norm::row_wise) problem.input_side = std::lround(std::sqrt(problem.input.size()));
  for (Eigen::Index k = 0; k < problem.input.size(); ++k) {
    // Some sides have no length, some begin at the image.
    problem.box->lower[k] = problem.input[k] - (random.below(3) == 0 ? 0.0 : random.uniform(0, 1.5));
    problem.box->upper[k] = problem.input[k] + (random.below(3) == 0 ? 0.0 : random.uniform(0, 1.5));
  }
  return problem;
}

/// A point of the region that uses a random share of the budget on a random subset of the pixels; every third one spends all it can.
inline Eigen::VectorXd random_point(const problem::Region& region, base::RandomStream& random) {
  const double density = random.uniform();
  Eigen::VectorXd point = region.centre;
  const problem::Box& box = region.box;
  for (Eigen::Index k = 0; k < point.size(); ++k) {
    if (random.uniform() >= density) continue;
    const double share = random.below(3) == 0 ? static_cast<double>(random.below(2)) : random.uniform();
    point[k] = box.lower[k] + share * (box.upper[k] - box.lower[k]);
  }
  const double distance = budget_used(region, point);
  const double share = random.below(3) == 0 ? 1.0 : random.uniform();
  const double allowed = region.radius * share;
  if (distance > allowed) point = region.centre + (allowed / distance) * (point - region.centre);
  return point.cwiseMax(box.lower).cwiseMin(box.upper);
}

}  // namespace espalier::testing
