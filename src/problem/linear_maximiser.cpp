#include "espalier/problem/linear_maximiser.hpp"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::problem {

LinearMaximiser::LinearMaximiser(const Ball& ball) : radius_(ball.radius) {
  for (const double x : ball.centre) {
    room_up_.push_back(1.0 - x);
    room_down_.push_back(x);
  }
}

double LinearMaximiser::gather(std::span<const double> w, double threshold) {
  candidates_.clear();
  double room = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double reach = std::abs(w[k]);
    if (!(reach > threshold)) continue;  // the usual case, and well predicted
    const bool up = w[k] > 0;
    const double pixel_room = up ? room_up_[k] : room_down_[k];
    if (pixel_room <= 0) continue;
    room += pixel_room;
    candidates_.push_back({.reach = reach, .room = pixel_room, .pixel = static_cast<Eigen::Index>(k), .up = up});
  }
  return room;
}

double LinearMaximiser::take(const Candidate& candidate, double& budget) {
  const double step = std::min(budget, candidate.room);
  if (step <= 0) return 0;
  budget -= step;
  steps_.push_back({.pixel = candidate.pixel, .change = candidate.up ? step : -step});
  return candidate.reach * step;
}

double LinearMaximiser::spend() {
  constexpr std::ptrdiff_t few = 16;
  const auto before = [](const Candidate& a, const Candidate& b) { return a.reach != b.reach ? a.reach > b.reach : a.pixel < b.pixel; };
  auto first = candidates_.begin(), last = candidates_.end();
  double value = 0, budget = radius_;
  // The candidate that the budget cuts is in [first, last); all before first are used up.
  while (last - first > few) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, before);
    double room = 0;
    for (auto c = first; c != middle; ++c) room += c->room;
    if (room >= budget) {
      last = middle;
    } else {
      for (; first != middle; ++first) value += take(*first, budget);
    }
  }
  std::sort(first, last, before);
  for (; first != last && budget > 0; ++first) value += take(*first, budget);
  return value;
}

double LinearMaximiser::maximise(std::span<const double> w) {
  if (w.size() != room_up_.size())
    base::fail(base::ErrorKind::internal, "ball: expected a vector of length {}, found length {}", room_up_.size(), w.size());
  steps_.clear();
  const Eigen::Map<const Eigen::VectorXd> values(w.data(), static_cast<Eigen::Index>(w.size()));
  const double largest = values.size() == 0 ? 0.0 : values.lpNorm<Eigen::Infinity>();
  for (const double share : {0.5, 0.125, 0.03125, 0.0}) {
    if (gather(w, share * largest) >= radius_) break;
  }
  return spend();
}

}  // namespace espalier::problem
