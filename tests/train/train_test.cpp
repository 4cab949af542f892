#include "espalier/train/train.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/train/initial.hpp"
#include "small_data.hpp"

namespace espalier::train {
namespace {

using ::testing::HasSubstr;

constexpr auto xavier = Initialisation::xavier_uniform;

template <class F>
std::string refusal(F f, base::ErrorKind kind = base::ErrorKind::configuration) {
  try {
    f();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "accepted";
}

TEST(Train, RealMnistAt18PixelsAndBitEqualTwice) {
  const data::Dataset mnist = data::load_dataset("mnist", 18, real_data());
  const TrainOptions options{.epochs = 2, .weight_decay = 1e-3f};
  nn::Network network = initial_network({324, 32, 32, 10}, xavier, 2), again = network;
  const TrainReport report = train(network, mnist, options);
  EXPECT_EQ(report.epochs_run, 2);
  EXPECT_FALSE(report.stopped);
  EXPECT_GT(report.test_accuracy, 0.925);
  EXPECT_LT(report.test_accuracy, 0.95);
  EXPECT_NEAR(report.train_accuracy, report.test_accuracy, 0.012);
  EXPECT_GT(report.wall_seconds, 0);
  EXPECT_GT(report.cpu_seconds, 0);
  ASSERT_EQ(report.epoch_loss.size(), 2u);
  EXPECT_LT(report.epoch_loss[1], 0.6 * report.epoch_loss[0]);

  const TrainReport second = train(again, mnist, options);
  EXPECT_TRUE(same_bits(network, again));
  EXPECT_EQ(report.epoch_loss, second.epoch_loss);
  EXPECT_EQ(report.test_accuracy, second.test_accuracy);
}

TEST(Train, LearnsWhatCanBeLearnt) {
  const data::Dataset data = random_dataset(500, 3, 4, 1);
  nn::Network network = initial_network({9, 16, 4}, xavier, 1);
  const TrainReport report = train(network, data, {.epochs = 60, .batch_size = 32, .learning_rate = 1e-2f});
  EXPECT_GT(report.train_accuracy, 0.93);
  EXPECT_GT(report.test_accuracy, 0.85);
}

TEST(Train, OrderDependsOnShuffleAndSeedOnly) {
  const data::Dataset data = random_dataset(100, 3, 4, 1);
  const nn::Network start = initial_network({9, 8, 4}, xavier, 1);
  const auto trained = [&](bool shuffle, std::uint64_t seed) {
    nn::Network network = start;
    train(network, data, {.epochs = 2, .batch_size = 16, .shuffle = shuffle, .seed = seed});
    return network;
  };
  EXPECT_TRUE(same_bits(trained(true, 1), trained(true, 1)));
  EXPECT_FALSE(same_bits(trained(true, 1), trained(true, 2)));
  EXPECT_FALSE(same_bits(trained(true, 1), trained(false, 1)));
  EXPECT_TRUE(same_bits(trained(false, 1), trained(false, 2)));
}

TEST(Train, MaskedWeightsStayExactlyZero) {
  const data::Dataset data = random_dataset(100, 3, 4, 1);
  for (const std::string& rule : update_rule_names()) {
    nn::Network network = initial_network({9, 8, 4}, xavier, 1);
    for (nn::Layer& layer : network.layers) {
      layer.mask = nn::Mask::Ones(layer.outputs(), layer.inputs());
      for (Eigen::Index i = 0; i < layer.weight.size(); i += 3) layer.mask.data()[i] = 0, layer.weight.data()[i] = 0;
    }
    const nn::Network start = network;
    train(network, data,
          {.epochs = 3,
           .batch_size = 16,
           .update_rule = rule,
           .learning_rate = 0.01f,
           .update = {.momentum = 0.9f},
           .weight_decay = 0.1f,
           .clip_gradient_norm = 0.5f,
           .regularisers = {make_regulariser("l1", {.strength = 0.1})}});
    network.check();  // a masked weight other than 0 is refused
    for (std::size_t k = 0; k < network.layers.size(); ++k) {
      EXPECT_EQ(network.layers[k].mask, start.layers[k].mask);
      EXPECT_NE(network.layers[k].weight, start.layers[k].weight);
    }
  }
}

TEST(Train, AnAllOnesMaskChangesNoBit) {
  const data::Dataset data = random_dataset(100, 3, 4, 1);
  nn::Network plain = initial_network({9, 8, 4}, xavier, 1), masked = plain;
  masked.layers[1].mask = nn::Mask::Ones(4, 8);
  train(plain, data, {.epochs = 2});
  train(masked, data, {.epochs = 2});
  EXPECT_TRUE(same_bits(plain, masked));
}

TEST(Train, ClippingCountsOnlyUnmaskedGradients) {
  // All of layer 0 masked: what remains is the other parameters; the same network with the masked inputs absent must train alike.
  const data::Dataset data = random_dataset(64, 3, 4, 1);
  nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  network.layers[0].mask = nn::Mask::Zero(8, 9);
  network.layers[0].weight.setZero();
  data::Dataset dark = data;
  std::fill(dark.train.pixels.begin(), dark.train.pixels.end(), std::uint8_t{0});
  nn::Network unmasked = network;
  unmasked.layers[0].mask.resize(0, 0);
  const TrainOptions options{.epochs = 2, .batch_size = 16, .update_rule = "sgd", .learning_rate = 0.5f, .clip_gradient_norm = 0.01f};
  train(network, data, options);
  train(unmasked, dark, options);
  EXPECT_TRUE(same_bits(network, unmasked));
}

TEST(Train, BatchLargerThanTheData) {
  const data::Dataset data = random_dataset(10, 3, 4, 1);
  nn::Network a = initial_network({9, 8, 4}, xavier, 1), b = a;
  train(a, data, {.batch_size = 1000});
  train(b, data, {.batch_size = 10});
  EXPECT_TRUE(same_bits(a, b));
}

TEST(Train, ZeroEpochsChangeNothing) {
  const data::Dataset data = random_dataset(10, 3, 4, 1);
  nn::Network a = initial_network({9, 8, 4}, xavier, 1);
  const nn::Network start = a;
  const TrainReport report = train(a, data, {.epochs = 0});
  EXPECT_TRUE(same_bits(a, start));
  EXPECT_TRUE(report.epoch_loss.empty());
  EXPECT_EQ(report.test_accuracy, accuracy(start, data.test));
}

TEST(Train, StopsBetweenBatches) {
  const data::Dataset data = random_dataset(100, 3, 4, 1);
  nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  int polls = 0;
  const TrainReport report = train(network, data, {.epochs = 10, .batch_size = 10}, [&] { return ++polls > 25; });
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.epochs_run, 2);
  EXPECT_EQ(polls, 26);
  EXPECT_TRUE(std::isnan(report.test_accuracy));
}

TEST(Train, ReportsProgressAfterEveryEpoch) {
  const data::Dataset data = random_dataset(50, 3, 4, 1);
  nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  std::vector<double> losses;
  const TrainReport report = train(network, data, {.epochs = 3}, {}, [&](const Progress& p) {
    EXPECT_EQ(p.epochs, 3);
    EXPECT_EQ(p.epoch, static_cast<int>(losses.size()) + 1);
    losses.push_back(p.loss);
  });
  EXPECT_EQ(losses, report.epoch_loss);
}

TEST(Train, DivergenceSaysWhere) {
  const data::Dataset data = random_dataset(100, 3, 4, 1);
  nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  const std::string message =
      refusal([&] { train(network, data, {.batch_size = 20, .update_rule = "sgd", .learning_rate = 1e30f}); }, base::ErrorKind::numeric);
  EXPECT_THAT(message, HasSubstr("expected a finite loss"));
  EXPECT_THAT(message, HasSubstr("in epoch 0, batch "));
}

TEST(Train, RefusesIllegalOptions) {
  const data::Dataset data = random_dataset(10, 3, 4, 1);
  nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  const auto message = [&](TrainOptions options) { return refusal([&] { train(network, data, options); }); };
  EXPECT_EQ(message({.epochs = -1}), "training: expected epochs of at least 0, found -1");
  EXPECT_EQ(message({.batch_size = 0}), "training: expected batch_size of at least 1, found 0");
  EXPECT_THAT(message({.learning_rate = -1}), HasSubstr("learning_rate"));
  EXPECT_THAT(message({.learning_rate = std::nanf("")}), HasSubstr("learning_rate"));
  EXPECT_THAT(message({.weight_decay = -1}), HasSubstr("weight_decay"));
  EXPECT_THAT(message({.clip_gradient_norm = -1}), HasSubstr("clip_gradient_norm"));
  EXPECT_THAT(message({.decay_every_epochs = -1}), HasSubstr("decay_every_epochs"));
  EXPECT_THAT(message({.update_rule = "sdg"}), HasSubstr("(did you mean 'sgd'?)"));
}

TEST(Train, RefusesANetworkThatDoesNotFit) {
  const data::Dataset data = random_dataset(10, 3, 4, 1);
  nn::Network inputs = initial_network({8, 4}, xavier, 1), outputs = initial_network({9, 2}, xavier, 1);
  EXPECT_THAT(refusal([&] { train(inputs, data, {}); }), HasSubstr("expected a network with 9 inputs (the images' pixels), found 8"));
  EXPECT_THAT(refusal([&] { train(outputs, data, {}); }), HasSubstr("expected a network with at least 4 outputs"));
  nn::Network fine = initial_network({9, 4}, xavier, 1);
  EXPECT_THAT(refusal([&] { train(fine, {.name = "empty", .side = 3, .train = {.side = 3, .pixels = {}, .labels = {}}, .test = {}}, {}); }),
              HasSubstr("expected at least one train sample"));
}

TEST(Accuracy, CountsByHandAndTakesTheFirstOfEqualLogits) {
  // Images of one pixel x, logits (x, 1/2): class 0 iff the pixel is at least 128.
  nn::Network network = initial_network({1, 2}, xavier, 0);
  network.layers[0].weight << 1, 0;
  network.layers[0].bias << 0, 0.5f;
  const data::Samples samples{.side = 1, .pixels = {0, 127, 128, 255}, .labels = {1, 1, 0, 1}};
  EXPECT_EQ(accuracy(network, samples), 0.75);
  network.layers[0].weight.setZero();
  network.layers[0].bias.setZero();
  EXPECT_EQ(accuracy(network, samples), 0.25);
}

TEST(Accuracy, AgreesWithTheNetworkSampleBySample) {
  const data::Samples samples = random_samples(1000, 3, 4, 5);
  const nn::Network network = initial_network({9, 8, 4}, xavier, 1);
  int right = 0;
  for (std::size_t s = 0; s < samples.count(); ++s) {
    Eigen::Index winner = 0;
    nn::forward(network, samples.input(s)).maxCoeff(&winner);
    right += winner == samples.labels[s];
  }
  EXPECT_EQ(accuracy(network, samples), right / 1000.0);
}

}  // namespace
}  // namespace espalier::train
