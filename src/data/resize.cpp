#include "espalier/data/resize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::data {
namespace {

constexpr int fraction_bits = 22;

/// Fixed-point weights of the input pixels first..first + weights.size() - 1 in one output pixel.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Taps> make_taps(int side, int new_side) {
  const double ratio = static_cast<double>(side) / new_side;
  const double support = std::max(1.0, ratio);  // half-width of the triangle: antialiased when shrinking
  std::vector<Taps> taps(static_cast<std::size_t>(new_side));
  for (int i = 0; i < new_side; ++i) {
    const double centre = (i + 0.5) * ratio;
    // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow's own rounding, of numbers that are not negative.
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int last = std::min(side, static_cast<int>(centre + support + 0.5));  // one behind
    // NOLINTEND(bugprone-incorrect-roundings)
    std::vector<double> weights;
    double sum = 0;
    for (int k = first; k < last; ++k) {
      // Multiplied by 1 / support, not divided by it, so that the last bit is Pillow's.
      weights.push_back(std::max(0.0, 1.0 - std::abs((k - centre + 0.5) * (1.0 / support))));
      sum += weights.back();
    }
    Taps& t = taps[static_cast<std::size_t>(i)];
    t.first = first;
    for (const double w : weights)
      t.weights.push_back(
          static_cast<std::int32_t>(0.5 + (w / sum) * (1 << fraction_bits)));  // NOLINT(bugprone-incorrect-roundings): as above
  }
  return taps;
}

/// One output pixel from inputs `step` apart. The weights are not negative, so only the upper end can be passed, by rounding.
std::uint8_t weighted(const std::uint8_t* input, std::ptrdiff_t step, const Taps& taps) {
  std::int32_t sum = 1 << (fraction_bits - 1);
  const std::uint8_t* p = input + taps.first * step;
  for (const std::int32_t w : taps.weights) {
    sum += *p * w;
    p += step;
  }
  return static_cast<std::uint8_t>(std::min(255, sum >> fraction_bits));
}

/// `between` is scratch of side x new_side bytes.
void resize_one(const std::uint8_t* image, int side, int new_side, const std::vector<Taps>& taps, std::uint8_t* between,
                std::uint8_t* result) {
  for (int row = 0; row < side; ++row)
    for (int i = 0; i < new_side; ++i)
      between[row * new_side + i] = weighted(image + static_cast<std::ptrdiff_t>(row) * side, 1, taps[static_cast<std::size_t>(i)]);
  for (int i = 0; i < new_side; ++i)
    for (int column = 0; column < new_side; ++column)
      result[i * new_side + column] = weighted(between + column, new_side, taps[static_cast<std::size_t>(i)]);
}

std::size_t area(int rows, int columns) { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns); }

void require_sides(int side, int new_side, std::size_t pixels, std::size_t images) {
  if (side < 1 || new_side < 1) base::fail(base::ErrorKind::internal, "resize: expected positive sides, found {} -> {}", side, new_side);
  if (pixels != images * area(side, side))
    base::fail(base::ErrorKind::internal, "resize: expected {} images of side {}, found {} pixels", images, side, pixels);
}

}  // namespace

std::vector<std::uint8_t> resize(std::span<const std::uint8_t> image, int side, int new_side) {
  require_sides(side, new_side, image.size(), 1);
  if (side == new_side) return {image.begin(), image.end()};
  std::vector<std::uint8_t> between(area(side, new_side));
  std::vector<std::uint8_t> result(area(new_side, new_side));
  resize_one(image.data(), side, new_side, make_taps(side, new_side), between.data(), result.data());
  return result;
}

Samples resize(const Samples& samples, int new_side) {
  require_sides(samples.side, new_side, samples.pixels.size(), samples.count());
  if (samples.side == new_side) return samples;
  Samples result{
      .side = new_side, .pixels = std::vector<std::uint8_t>(samples.count() * area(new_side, new_side)), .labels = samples.labels};
  const std::vector<Taps> taps = make_taps(samples.side, new_side);
  std::vector<std::uint8_t> between(area(samples.side, new_side));
  for (std::size_t k = 0; k < samples.count(); ++k)
    resize_one(samples.pixels.data() + k * samples.inputs(), samples.side, new_side, taps, between.data(),
               result.pixels.data() + k * result.inputs());
  return result;
}

}  // namespace espalier::data
