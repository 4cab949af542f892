#include "espalier/problem/region.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::problem {
namespace {

void check_length(const Region& region, Eigen::Index found) {
  if (found != region.dimension()) {
    base::fail(base::ErrorKind::internal, "region: expected a vector of length {}, found length {}", region.dimension(), found);
  }
}

/// How far input k may move from the centre in the direction of `sign`.
double room(const Region& region, Eigen::Index k, double sign) {
  return sign > 0 ? region.box.upper[k] - region.centre[k] : region.centre[k] - region.box.lower[k];
}

Eigen::VectorXd clip(const Box& box, const Eigen::Ref<const Eigen::VectorXd>& x) { return x.cwiseMax(box.lower).cwiseMin(box.upper); }

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

base::Words<Norm> words(Norm) {
  static constexpr std::pair<Norm, std::string_view> all[]{
      {Norm::l1, "l1"}, {Norm::l2, "l2"}, {Norm::linf, "linf"}, {Norm::row_wise, "row-wise"}, {Norm::none, "none"}};
  return all;
}

double distance(Norm norm, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& centre,
                Eigen::Index row_length) {
  if (norm == Norm::l2) return (x - centre).stableNorm();
  if (norm == Norm::linf) return (x - centre).lpNorm<Eigen::Infinity>();
  if (norm != Norm::row_wise) return (x - centre).lpNorm<1>();
  double sum = 0;
  for (Eigen::Index first = 0; first < x.size(); first += row_length)
    sum += (x.segment(first, row_length) - centre.segment(first, row_length)).lpNorm<Eigen::Infinity>();
  return sum;
}

Box unit_box(Eigen::Index dimension) { return {.lower = Eigen::VectorXd::Zero(dimension), .upper = Eigen::VectorXd::Ones(dimension)}; }

Region make_region(Norm norm, Eigen::VectorXd centre, double radius, Box box, Eigen::Index row_length) {
  if (norm == Norm::linf) {
    box.lower = box.lower.cwiseMax((centre.array() - radius).matrix());
    box.upper = box.upper.cwiseMin((centre.array() + radius).matrix());
  }
  const bool budget = norm == Norm::l1 || norm == Norm::l2 || norm == Norm::row_wise;
  return {.centre = std::move(centre),
          .box = std::move(box),
          .radius = budget ? radius : Region{}.radius,
          .row_length = norm == Norm::row_wise ? row_length : 1,
          .euclidean = norm == Norm::l2};
}

Region l1_region(Eigen::VectorXd centre, double radius) {
  const Eigen::Index dimension = centre.size();
  return make_region(Norm::l1, std::move(centre), radius, unit_box(dimension));
}

Region box_region(Box box) {
  Eigen::VectorXd middle = 0.5 * (box.lower + box.upper);
  return make_region(Norm::none, std::move(middle), 0, std::move(box));
}

Eigen::VectorXd magnitude(const Box& box) { return box.lower.cwiseAbs().cwiseMax(box.upper.cwiseAbs()).cwiseMax(box.upper - box.lower); }

double budget_used(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x) {
  const Norm norm = region.euclidean ? Norm::l2 : region.row_length > 1 ? Norm::row_wise : Norm::l1;
  return distance(norm, x, region.centre, region.row_length);
}

bool contains(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x, double tolerance) {
  check_length(region, x.size());
  if (!(x.array() >= region.box.lower.array() - tolerance).all() || !(x.array() <= region.box.upper.array() + tolerance).all())
    return false;
  return budget_used(region, x) <= region.radius * (1.0 + tolerance);
}

LinearMaximum maximise_linear(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& w) {
  check_length(region, w.size());
  const Eigen::VectorXd contiguous = w;
  LinearMaximiser maximiser(region);
  LinearMaximum best{.value = maximiser.maximise({contiguous.data(), static_cast<std::size_t>(contiguous.size())}),
                     .maximiser = region.centre};
  for (const Step& step : maximiser.steps()) best.maximiser[step.pixel] += step.change;
  best.maximiser = clip(region.box, best.maximiser);
  return best;
}

namespace {

/// One row's part of the projection: the smallest t >= 0 at which the objective's derivative in -t, the sum of |d_k| - t over the inputs
/// that t holds back, is at most `price`. `reach`: |d|; `most`: min(room, |d|).
double row_threshold(const Eigen::VectorXd& reach, const Eigen::VectorXd& most, double price) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(most.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return most[a] > most[b]; });
  double sum = 0;  // of the reaches of those with `most` above t
  for (std::size_t held = 0; held < order.size(); ++held) {
    sum += reach[order[held]];
    const double next = held + 1 < order.size() ? most[order[held + 1]] : 0.0, count = static_cast<double>(held + 1);
    if (sum - count * next > price) return std::min(most[order[held]], std::max(next, (sum - price) / count));
  }
  return 0;
}

Eigen::VectorXd project_rows(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x) {
  const Eigen::Index rows = region.dimension() / region.row_length;
  const Eigen::VectorXd reach = (x - region.centre).cwiseAbs();
  Eigen::VectorXd most(reach.size());
  for (Eigen::Index k = 0; k < reach.size(); ++k) most[k] = std::min(reach[k], room(region, k, x[k] - region.centre[k]));
  const auto thresholds = [&](double price) {
    Eigen::VectorXd t(rows);
    for (Eigen::Index r = 0; r < rows; ++r) {
      const Eigen::Index first = r * region.row_length;
      t[r] = row_threshold(reach.segment(first, region.row_length), most.segment(first, region.row_length), price);
    }
    return t;
  };
  double low = 0, high = reach.sum();  // no budget is taken at the latter
  if (thresholds(low).sum() <= region.radius) high = low;
  for (double price = 0.5 * (low + high); low < price && price < high; price = 0.5 * (low + high))
    (thresholds(price).sum() > region.radius ? low : high) = price;
  const Eigen::VectorXd t = thresholds(high);
  Eigen::VectorXd result = region.centre;
  for (Eigen::Index k = 0; k < x.size(); ++k)
    result[k] += std::copysign(std::min(most[k], t[k / region.row_length]), x[k] - region.centre[k]);
  return clip(region.box, result);
}

}  // namespace

Eigen::VectorXd project(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x) {
  check_length(region, x.size());
  if (region.euclidean) {
    const Eigen::VectorXd clipped = clip(region.box, x);
    return budget_used(region, clipped) <= region.radius ? clipped : maximise_linear(region, x - region.centre).maximiser;
  }
  if (region.row_length > 1 && region.has_budget()) return project_rows(region, x);
  std::vector<std::pair<double, double>> reach_and_room;
  reach_and_room.reserve(static_cast<std::size_t>(x.size()));
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    const double d = x[k] - region.centre[k];
    reach_and_room.emplace_back(std::abs(d), room(region, k, d));
  }
  const double t = find_threshold(reach_and_room, region.radius);
  Eigen::VectorXd result(x.size());
  for (Eigen::Index k = 0; k < x.size(); ++k) {
    const auto& [reach, cap] = reach_and_room[static_cast<std::size_t>(k)];
    const double step = std::min(cap, std::max(0.0, reach - t));
    result[k] = region.centre[k] + (x[k] > region.centre[k] ? step : -step);
  }
  return clip(region.box, result);
}

Eigen::VectorXd repair(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x) {
  check_length(region, x.size());
  Eigen::VectorXd result = clip(region.box, x);
  const double length = budget_used(region, result);
  if (length > region.radius * (1.0 + 1e-6)) {
    result = region.centre + (region.radius / length) * (result - region.centre);
    result = clip(region.box, result);  // rounding of the line above
  }
  return result;
}

}  // namespace espalier::problem
