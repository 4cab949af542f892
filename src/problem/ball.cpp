#include "espalier/problem/ball.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::problem {
namespace {

void check_length(const Ball& ball, Eigen::Index found) {
  if (found != ball.dimension()) {
    base::fail(base::ErrorKind::internal, "ball: expected a vector of length {}, found length {}", ball.dimension(), found);
  }
}

/// How far pixel k may move from the centre in the direction of `sign`.
double room(const Ball& ball, Eigen::Index k, double sign) { return sign > 0 ? 1.0 - ball.centre[k] : ball.centre[k]; }

/// sum_k min(room_k, max(0, |d_k| - t)): the L1 length of the projection with threshold t.
double shrunk_length(const std::vector<std::pair<double, double>>& reach_and_room, double t) {
  double length = 0;
  for (const auto& [reach, cap] : reach_and_room) length += std::min(cap, std::max(0.0, reach - t));
  return length;
}

/// The t >= 0 at which shrunk_length falls to `radius`: it is continuous, falls, and is linear between break points.
double find_threshold(const std::vector<std::pair<double, double>>& reach_and_room, double radius) {
  std::vector<double> breaks{0.0};
  for (const auto& [reach, cap] : reach_and_room) {
    breaks.push_back(reach);
    if (reach > cap) breaks.push_back(reach - cap);
  }
  std::sort(breaks.begin(), breaks.end());
  const auto too_long = [&](double t) { return shrunk_length(reach_and_room, t) > radius; };
  const auto first_short = std::partition_point(breaks.begin(), breaks.end(), too_long);
  if (first_short == breaks.begin()) return 0.0;
  const double below = *(first_short - 1), above = *first_short;
  const double length_below = shrunk_length(reach_and_room, below), length_above = shrunk_length(reach_and_room, above);
  return below + (above - below) * (length_below - radius) / (length_below - length_above);
}

}  // namespace

Ball unit_box(Eigen::Index dimension) {
  return {.centre = Eigen::VectorXd::Constant(dimension, 0.5), .radius = 0.5 * static_cast<double>(dimension)};
}

double l1_distance(const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& centre) {
  return (x - centre).lpNorm<1>();
}

bool contains(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x, double tolerance) {
  check_length(ball, x.size());
  if (!(x.array() >= -tolerance).all() || !(x.array() <= 1.0 + tolerance).all()) return false;
  return l1_distance(x, ball.centre) <= ball.radius * (1.0 + tolerance);
}

LinearMaximum maximise_linear(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& w) {
  check_length(ball, w.size());
  const Eigen::VectorXd contiguous = w;
  LinearMaximiser maximiser(ball);
  LinearMaximum best{.value = maximiser.maximise({contiguous.data(), static_cast<std::size_t>(contiguous.size())}),
                     .maximiser = ball.centre};
  for (const Step& step : maximiser.steps()) best.maximiser[step.pixel] = std::clamp(ball.centre[step.pixel] + step.change, 0.0, 1.0);
  return best;
}

Eigen::VectorXd project(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x) {
  check_length(ball, x.size());
  std::vector<std::pair<double, double>> reach_and_room;
  reach_and_room.reserve(static_cast<std::size_t>(x.size()));
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    const double d = x[k] - ball.centre[k];
    reach_and_room.emplace_back(std::abs(d), room(ball, k, d));
  }
  const double t = find_threshold(reach_and_room, ball.radius);
  Eigen::VectorXd result(x.size());
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    const auto& [reach, cap] = reach_and_room[static_cast<std::size_t>(k)];
    const double step = std::min(cap, std::max(0.0, reach - t));
    result[k] = std::clamp(ball.centre[k] + (x[k] > ball.centre[k] ? step : -step), 0.0, 1.0);
  }
  return result;
}

Eigen::VectorXd clip_and_scale(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x) {
  check_length(ball, x.size());
  Eigen::VectorXd result = x.cwiseMax(0.0).cwiseMin(1.0);
  const double distance = l1_distance(result, ball.centre);
  if (distance > ball.radius * (1.0 + 1e-6)) {
    result = ball.centre + (ball.radius / distance) * (result - ball.centre);
    result = result.cwiseMax(0.0).cwiseMin(1.0);  // rounding of the line above
  }
  return result;
}

}  // namespace espalier::problem
