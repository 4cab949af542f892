#include "espalier/nn/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"
#include "h5/temporary_directory.hpp"

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

/// A network of 2 x 2 layers called so; what reading it says.
std::string reading(const std::vector<std::string>& layers, const std::function<void(const h5::Group&)>& change = {}) {
  auto file = h5::File::create(scratch("layers.h5"));
  const h5::Group group = file.root().create_group("n");
  for (const std::string& name : layers) {
    group.write_array(name + "/weight", std::vector<float>{1, 2, 3, 4}, {2, 2});
    group.write_array(name + "/bias", std::vector<float>{5, 6}, {2});
  }
  if (change) change(group);
  try {
    return std::to_string(read_network(group).layers.size()) + " layers";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    return error.what();
  }
}

TEST(NetworkFile, ANetworkDoesNotEndWhereANameIsWrong) {
  EXPECT_EQ(reading({"layer_0", "layer_1", "layer_2"}), "3 layers");
  const std::string twelve[] = {"layer_0", "layer_1", "layer_2", "layer_3", "layer_4",  "layer_5",
                                "layer_6", "layer_7", "layer_8", "layer_9", "layer_10", "layer_11"};
  EXPECT_EQ(reading({std::begin(twelve), std::end(twelve)}), "12 layers");
  const std::string expected = "layers.h5: /n: expected a network (layer_0, layer_1, ... without a gap and nothing else), found no ";
  EXPECT_THAT(reading({"layer_0", "layer_1", "layer_3"}), HasSubstr(expected + "layer_2 but 'layer_3' (did you mean 'layer_2'?)"));
  EXPECT_THAT(reading({"layer_0", "layer_2", "layer_3"}), HasSubstr(expected + "layer_1 but 'layer_2' (did you mean 'layer_1'?)"));
  EXPECT_THAT(reading({"layer_0", "Layer_1", "layer_2"}), HasSubstr(expected + "layer_1 but 'Layer_1' (did you mean 'layer_1'?)"));
  EXPECT_THAT(reading({"layer_0", "layer_01", "layer_02"}), HasSubstr(expected + "layer_1 but 'layer_01' (did you mean 'layer_1'?)"));
  EXPECT_THAT(reading({"layer_1"}), HasSubstr(expected + "layer_0 but 'layer_1' (did you mean 'layer_0'?)"));
  EXPECT_THAT(reading({}), HasSubstr(expected + "layer_0 but nothing"));
  EXPECT_THAT(reading({"layer_0"}, [](const h5::Group& g) { g.create_group("output"); }), HasSubstr(expected + "layer_1 but 'output'"));
}

TEST(NetworkFile, AnUnknownArrayOfALayerIsRefused) {
  const auto rename = [](const h5::Group& g) {
    g.remove("layer_0/bias");
    g.write_array("layer_0/biass", std::vector<float>{5, 6}, {2});
  };
  EXPECT_THAT(reading({"layer_0"}, rename), HasSubstr("expected nothing but weight, bias, mask, found 'biass' (did you mean 'bias'?)"));
}

TEST(NetworkFile, ALayerWithoutBiasHasBiasZero) {
  auto file = h5::File::create(scratch("no-bias.h5"));
  file.root().write_array("n/layer_0/weight", std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  const Network network = read_network(file.root().open_group("n"));
  EXPECT_EQ(network.layers[0].bias, Eigen::VectorXf::Zero(3));
  EXPECT_EQ(network.layers[0].weight(2, 0), 5);
}

TEST(NetworkFile, Float64WeightsAreReadExactlyOrRoundedOnRequest) {
  auto file = h5::File::create(scratch("float64.h5"));
  const auto write = [&](const std::string& name, double weight, double bias) {
    file.root().write_array(name + "/layer_0/weight", std::vector<double>{1, weight}, {1, 2});
    file.root().write_array(name + "/layer_0/bias", std::vector<double>{bias}, {1});
    return file.root().open_group(name);
  };
  const h5::Group exact = write("exact", 0.5, -3), tenth = write("tenth", 0.1, 1e-60), huge = write("huge", 1e39, 0);
  Rounding rounding;
  EXPECT_EQ(read_network(exact, &rounding).layers[0].weight(0, 1), 0.5F);
  EXPECT_EQ(rounding.largest_change, 0);
  const Network rounded = read_network(tenth, &rounding);
  EXPECT_EQ(rounded.layers[0].weight(0, 1), 0.1F);
  EXPECT_EQ(rounded.layers[0].bias[0], 0);
  EXPECT_EQ(rounding.largest_change, static_cast<double>(0.1F) - 0.1);
  EXPECT_THAT(test::error_of([&] { read_network(tenth); }),
              HasSubstr("/tenth/layer_0/weight: expected numbers that float32 holds exactly, found 0.1 (--round-weights rounds them)"));
  EXPECT_THAT(test::error_of([&] { read_network(huge, &rounding); }), HasSubstr("expected numbers in the range of float32, found 1e+39"));
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
