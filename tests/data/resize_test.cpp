#include "espalier/data/resize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"

namespace espalier::data {
namespace {

using ::testing::ElementsAre;
using Image = std::vector<std::uint8_t>;

Image repeat_rows(const Image& row) {
  Image image;
  for (std::size_t i = 0; i < row.size(); ++i) image.insert(image.end(), row.begin(), row.end());
  return image;
}

Image transposed(const Image& image, int side) {
  Image result(image.size());
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) result[static_cast<std::size_t>(j * side + i)] = image[static_cast<std::size_t>(i * side + j)];
  return result;
}

/// The pattern whose Pillow results stand below.
Image pattern() {
  Image image;
  for (int i = 0; i < 7; ++i)
    for (int j = 0; j < 7; ++j) image.push_back(static_cast<std::uint8_t>((37 * i + 91 * j + 13 * i * j) % 256));
  return image;
}

TEST(Resize, EqualSidesCopy) { EXPECT_EQ(resize(pattern(), 7, 7), pattern()); }

TEST(Resize, TwoToOneByHand) {
  // Both taps weigh 1/2. Rows: 15.5 -> 16 (halves up) and 35; column: 25.5 -> 26.
  EXPECT_THAT(resize(Image{10, 21, 30, 40}, 2, 1), ElementsAre(26));
}

TEST(Resize, FourToTwoByHand) {
  // Scale 2. Pixel 0: centre 1, taps 0..2 with triangle weights 3/4, 3/4, 1/4 = 3/7, 3/7, 1/7. Pixel 1 mirrors it.
  EXPECT_THAT(resize(repeat_rows({70, 0, 140, 7}), 4, 2), ElementsAre(50, 63, 50, 63));
  EXPECT_THAT(resize(transposed(repeat_rows({70, 0, 140, 7}), 4), 4, 2), ElementsAre(50, 50, 63, 63));
}

TEST(Resize, TwentyEightToEighteenFirstPixelByHand) {
  // Scale s = 14/9. Pixel 0: centre 7/9, taps trunc(7/9 - 14/9 + 1/2) = 0 to trunc(7/9 + 14/9 + 1/2) = 2 (one behind): k = 0, 1 with
  // 1 - |k + 1/2 - 7/9| / s = 23/28 and 15/28, normalised 23/38 and 15/38.
  Image row(28, 0);
  row[0] = 38;
  row[1] = 76;
  EXPECT_EQ(resize(repeat_rows(row), 28, 18)[0], 23 + 30);
}

TEST(Resize, ConstantImagesStayConstant) {
  for (const int side : {1, 2, 5, 17, 18, 27, 40})
    for (const int value : {0, 1, 127, 254, 255})
      EXPECT_THAT(resize(Image(28 * 28, static_cast<std::uint8_t>(value)), 28, side), ::testing::Each(value)) << side;
}

TEST(Resize, PillowBytes) {
  // Pillow 9.4.0: Image.fromarray(pattern).resize((s, s), Image.BILINEAR), both ways.
  EXPECT_THAT(resize(pattern(), 7, 3), ElementsAre(107, 122, 108, 139, 149, 144, 141, 138, 135));
  EXPECT_THAT(resize(pattern(), 7, 5), ElementsAre(44, 161, 89, 142, 97, 95, 152, 130, 103, 81, 139, 150, 169, 156, 149, 129, 140, 125, 137,
                                                   163, 179, 115, 160, 97, 147));
  EXPECT_EQ(
      resize(pattern(), 7, 10),
      (Image{0,   50,  114, 177, 75,  49,  113, 176, 125, 34,  20,  74, 143, 212, 114, 93,  155, 125, 107, 97,  46,  105, 164, 195, 142,
             127, 151, 92,  90,  114, 72,  136, 157, 68,  129, 120, 44, 116, 84,  15,  98,  167, 191, 99,  175, 173, 94,  182, 154, 83,
             124, 148, 161, 138, 167, 171, 152, 184, 180, 163, 150, 88, 74,  174, 109, 115, 194, 125, 159, 231, 176, 119, 111, 218, 158,
             108, 87,  149, 154, 132, 202, 150, 119, 152, 168, 142, 84, 116, 137, 149, 222, 174, 113, 52,  158, 187, 126, 65,  119, 212}));
}

TEST(Resize, SetEqualsSingleImagesAndKeepsLabels) {
  base::RandomStream random(1, "resize test");
  Samples samples{.side = 28, .pixels = Image(3 * 28 * 28), .labels = {3, 0, 9}};
  for (auto& p : samples.pixels) p = static_cast<std::uint8_t>(random.below(256));
  const Samples small = resize(samples, 18);
  EXPECT_EQ(small.side, 18);
  EXPECT_EQ(small.labels, samples.labels);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto image = small.image(k);
    EXPECT_EQ(Image(image.begin(), image.end()), resize(samples.image(k), 28, 18));
  }
}

TEST(Resize, RefusesAWrongPixelCount) { EXPECT_THROW(resize(Image(10), 4, 2), base::Error); }

}  // namespace
}  // namespace espalier::data
