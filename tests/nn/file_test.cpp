#include "espalier/nn/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"

namespace espalier::nn {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

fs::path scratch(const std::string& name) {
  const fs::path folder = fs::temp_directory_path() / ("espalier-nn-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  return folder / name;
}

fs::path reference_file() { return ESPALIER_SOURCE_DIR "/tests/reference/problems.h5"; }

Network masked_network() {
  Network network;
  network.layers.resize(2);
  network.layers[0].weight = WeightMatrix{{1, -2, 0.5f}, {0, 1, 0}};
  network.layers[0].bias = Eigen::VectorXf{{0.25f, -3}};
  network.layers[0].mask = Mask{{1, 1, 1}, {0, 1, 0}};
  network.layers[1].weight = WeightMatrix{{2, 1}, {-1, 4}, {0.1f, -0.0f}};
  network.layers[1].bias = Eigen::VectorXf{{0, 0.5f, 1e-30f}};
  return network;
}

TEST(NetworkFile, RoundTripKeepsEveryBitAndTheMask) {
  const fs::path path = scratch("round-trip.h5");
  const Network written = masked_network();
  {
    auto file = h5::File::create(path);
    write_network(file.root().create_group("network"), written);
    file.close();
  }
  const auto file = h5::File::open_read_only(path);
  const Network found = read_network(file.root().open_group("network"));
  ASSERT_EQ(found.layers.size(), 2u);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(found.layers[k].weight, written.layers[k].weight);
    EXPECT_EQ(found.layers[k].bias, written.layers[k].bias);
    EXPECT_EQ(found.layers[k].mask, written.layers[k].mask);
  }
  EXPECT_TRUE(found.layers[0].masked());
  EXPECT_FALSE(found.layers[1].masked());
}

TEST(NetworkFile, ReadsNetworksWrittenByH5py) {
  const auto file = h5::File::open_read_only(reference_file());
  const h5::Group problem = file.root().open_group("mnist_18_2x24_0");
  const Network network = read_network(problem.open_group("network"));
  EXPECT_EQ(architecture(network), "324-24-24-10");
  const auto input = problem.read_array<double>("input").values;
  const auto logits = forward(network, Eigen::Map<const Eigen::VectorXd>(input.data(), 324));
  const auto label = problem.read_attribute<std::int64_t>("label");
  Eigen::Index winner = 0;
  logits.maxCoeff(&winner);
  EXPECT_EQ(winner, label) << "rows and columns of a weight exchanged?";
  const auto best = problem.read_array<double>("optimal_input").values;
  const auto at_optimum = forward(network, Eigen::Map<const Eigen::VectorXd>(best.data(), 324));
  EXPECT_NEAR(at_optimum[problem.read_attribute<std::int64_t>("target")] - at_optimum[label], problem.read_attribute<double>("optimum"),
              1e-9);
}

TEST(NetworkFile, RefusalsNameFileAndObject) {
  const fs::path path = scratch("bad.h5");
  auto file = h5::File::create(path);
  const auto text_of = [&](const std::string& name) -> std::string {
    try {
      read_network(file.root().open_group(name));
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::data);
      return error.what();
    }
    return "accepted";
  };
  file.root().create_group("empty");
  EXPECT_THAT(text_of("empty"), HasSubstr("bad.h5: /empty: expected a network"));

  Network network = masked_network();
  network.layers[1].weight(2, 0) = std::numeric_limits<float>::quiet_NaN();
  write_network(file.root().create_group("nan"), network);
  EXPECT_THAT(text_of("nan"), HasSubstr("bad.h5: /nan: layer 1: expected finite numbers, found weight[2, 0] = nan"));

  const h5::Group shape = file.root().create_group("shape").create_group("layer_0");
  shape.write_array("weight", std::vector<float>(6), {2, 3});
  shape.write_array("bias", std::vector<float>(3), {3});
  EXPECT_THAT(text_of("shape"), HasSubstr("/shape/layer_0"));

  const h5::Group rank = file.root().create_group("rank").create_group("layer_0");
  rank.write_array("weight", std::vector<float>(6), {6});
  rank.write_array("bias", std::vector<float>(6), {6});
  EXPECT_THAT(text_of("rank"), HasSubstr("weight"));
}

}  // namespace
}  // namespace espalier::nn
