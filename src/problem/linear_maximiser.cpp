#include "espalier/problem/linear_maximiser.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"

namespace espalier::problem {

LinearMaximiser::LinearMaximiser(const Region& region)
    : radius_(region.radius), row_length_(static_cast<std::size_t>(region.row_length)), euclidean_(region.euclidean) {
  const Eigen::VectorXd up = region.box.upper - region.centre, down = region.centre - region.box.lower;
  room_up_.assign(up.begin(), up.end());
  room_down_.assign(down.begin(), down.end());
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

double LinearMaximiser::spend(double lowest, double highest) {
  constexpr std::size_t buckets = 32;
  // Subnormal differences, whose inverse overflows, all go into one bucket.
  const double scale = highest - lowest > 1e-290 ? buckets / (highest - lowest) : 0.0;
  const auto bucket = [&](const Candidate& c) { return std::min(buckets - 1, static_cast<std::size_t>((c.reach - lowest) * scale)); };
  std::array<double, buckets> room{};
  for (const Candidate& c : candidates_) room[bucket(c)] += c.room;
  // The candidate that the budget cuts is in this bucket; all in higher ones are used up.
  std::size_t cut = buckets;
  for (double above = 0; cut > 0 && above < radius_;) above += room[--cut];

  double value = 0, budget = radius_;
  std::size_t in_cut = 0;
  for (const Candidate& c : candidates_) {
    const std::size_t own = bucket(c);
    if (own > cut) value += take(c, budget);
    if (own == cut) candidates_[in_cut++] = c;
  }
  const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(in_cut);
  std::sort(candidates_.begin(), last,
            [](const Candidate& x, const Candidate& y) { return x.reach != y.reach ? x.reach > y.reach : x.pixel < y.pixel; });
  for (auto c = candidates_.begin(); c != last && budget > 0; ++c) value += take(*c, budget);
  return value;
}

double LinearMaximiser::maximise_over_box(std::span<const double> w) {
  double value = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double room = w[k] > 0 ? room_up_[k] : room_down_[k];
    if (w[k] == 0 || room <= 0) continue;
    steps_.push_back({.pixel = static_cast<Eigen::Index>(k), .change = w[k] > 0 ? room : -room});
    value += std::abs(w[k]) * room;
  }
  return value;
}

void LinearMaximiser::add_pieces(std::span<const double> w, std::size_t row) {
  const auto room = [&](std::size_t k) { return w[k] > 0 ? room_up_[k] : room_down_[k]; };
  order_.clear();
  double slope = 0;
  for (std::size_t k = row * row_length_; k < (row + 1) * row_length_; ++k) {
    if (w[k] == 0 || room(k) <= 0) continue;
    order_.push_back(k);
  }
  std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return room(a) != room(b) ? room(a) > room(b) : a < b; });
  // From the end: slopes are sums of |w| over the inputs whose room reaches that far.
  for (std::size_t i = 0; i < order_.size(); ++i) {
    slope += std::abs(w[order_[i]]);
    const double end = room(order_[i]), begin = i + 1 < order_.size() ? room(order_[i + 1]) : 0.0;
    if (begin < end) pieces_.push_back({.slope = slope, .begin = begin, .end = end, .row = row});
  }
}

double LinearMaximiser::maximise_over_rows(std::span<const double> w) {
  const std::size_t rows = w.size() / row_length_;
  pieces_.clear();
  largest_.assign(rows, 0.0);
  for (std::size_t row = 0; row < rows; ++row) add_pieces(w, row);
  // Within a row slopes fall as its largest change grows, so that a row's pieces are taken in their order; of equal slopes, which rounding
  // may make, the nearer one comes first.
  std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) {
    if (a.slope != b.slope) return a.slope > b.slope;
    return a.row != b.row ? a.row < b.row : a.begin < b.begin;
  });
  double budget = radius_;
  for (auto piece = pieces_.begin(); piece != pieces_.end() && budget > 0; ++piece) {
    const double length = piece->end - piece->begin;
    largest_[piece->row] = length <= budget ? piece->end : piece->begin + budget;
    budget -= std::min(length, budget);
  }
  double value = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double change = std::min(largest_[k / row_length_], w[k] > 0 ? room_up_[k] : room_down_[k]);
    if (w[k] == 0 || change <= 0) continue;
    steps_.push_back({.pixel = static_cast<Eigen::Index>(k), .change = w[k] > 0 ? change : -change});
    value += std::abs(w[k]) * change;
  }
  return value;
}

double LinearMaximiser::maximise_over_ball(std::span<const double> w) {
  const auto room = [&](std::size_t k) { return std::min(1.0, (w[k] > 0 ? room_up_[k] : room_down_[k]) / radius_); };
  double largest = 0;
  for (std::size_t k = 0; k < w.size(); ++k)
    if (room(k) > 0) largest = std::max(largest, std::abs(w[k]));
  if (!(largest > 0)) return 0;
  // In units of the radius and of the largest |w|: input k moves by min(room_k, t |w_k|). What `t` moves to its end stays there, because t
  // grows when it must make up for that.
  constexpr double negligible = 1e-100;
  const auto reach = [&](std::size_t k) { return std::abs(w[k]) / largest; };
  order_.clear();
  for (std::size_t k = 0; k < w.size(); ++k)
    if (room(k) > 0 && reach(k) > negligible) order_.push_back(k);
  double spent = 0, t = 0;
  for (std::size_t before = order_.size() + 1; order_.size() < before;) {
    before = order_.size();
    double squares = 0;
    for (const std::size_t k : order_) squares += reach(k) * reach(k);
    // Never below the last one, where rounding leaves nothing of the budget.
    t = order_.empty() ? std::numeric_limits<double>::infinity() : std::max(t, std::sqrt(std::max(0.0, 1 - spent) / squares));
    std::erase_if(order_, [&](std::size_t k) {
      if (t * reach(k) < room(k)) return false;
      spent += room(k) * room(k);
      return true;
    });
  }
  double value = 0, length = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    if (!(room(k) > 0 && reach(k) > negligible)) continue;
    const double change = std::min(room(k), t * reach(k));
    steps_.push_back({.pixel = static_cast<Eigen::Index>(k), .change = std::copysign(radius_ * change, w[k])});
    value += reach(k) * change;
    length += change * change;
  }
  // By duality, for any t: max <= sum of |w_k| d_k + (r^2 - ||d||^2) / (2 t).
  if (length < 1 && t < std::numeric_limits<double>::infinity()) value += (1 - length) / (2 * t);
  return value * largest * radius_;
}

double LinearMaximiser::maximise(std::span<const double> w) {
  if (w.size() != room_up_.size())
    base::fail(base::ErrorKind::internal, "region: expected a vector of length {}, found length {}", room_up_.size(), w.size());
  steps_.clear();
  if (std::isinf(radius_)) return maximise_over_box(w);
  if (euclidean_) return maximise_over_ball(w);
  if (row_length_ > 1) return maximise_over_rows(w);
  const Eigen::Map<const Eigen::VectorXd> values(w.data(), static_cast<Eigen::Index>(w.size()));
  const double largest = values.size() == 0 ? 0.0 : values.lpNorm<Eigen::Infinity>();
  double lowest = 0;
  for (const double share : {0.5, 0.125, 0.03125, 0.0}) {
    lowest = share * largest;
    if (gather(w, lowest) >= radius_) break;
  }
  return spend(lowest, largest);
}

}  // namespace espalier::problem
