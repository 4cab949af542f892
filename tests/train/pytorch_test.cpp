// Whole training runs against PyTorch 1.13.1 (one thread), with its numbers as literals.
#include <gtest/gtest.h>

#include "espalier/train/train.hpp"

namespace espalier::train {
namespace {

/// 10 images of 2 x 2 pixels in 3 classes; batches of 4, 4 and 2.
data::Dataset ten_images() {
  data::Dataset data{.name = "ten", .side = 2, .classes = 3, .train = {.side = 2, .pixels = {}, .labels = {}}, .test = {}};
  for (int s = 0; s < 10; ++s) {
    for (int i = 0; i < 4; ++i) data.train.pixels.push_back(static_cast<std::uint8_t>((29 * s + 67 * i + 11 * s * i) % 256));
    data.train.labels.push_back(static_cast<std::uint8_t>((s * s + 1) % 3));
  }
  return data;
}

/// Linear(4, 5), ReLU, Linear(5, 3) with weights ((7a + 3b + k) mod 11 - 5) / 10 and biases ((5a + k) mod 7 - 3) / 20.
nn::Network start() {
  nn::Network network;
  for (const auto& [in, out, k] : {std::tuple{4, 5, 1}, std::tuple{5, 3, 2}}) {
    nn::Layer layer{.weight = nn::WeightMatrix(out, in), .bias = Eigen::VectorXf(out), .mask = {}};
    for (int a = 0; a < out; ++a) {
      for (int b = 0; b < in; ++b) layer.weight(a, b) = static_cast<float>(((7 * a + 3 * b + k) % 11 - 5) / 10.0);
      layer.bias[a] = static_cast<float>(((5 * a + k) % 7 - 3) / 20.0);
    }
    network.layers.push_back(layer);
  }
  return network;
}

/// What PyTorch got: mean loss of each epoch; then weight and bias of both layers, row-major, one behind the other.
struct Expected {
  std::vector<double> loss;
  std::vector<float> values;
};

void expect_run(TrainOptions options, const Expected& expected) {
  options.epochs = 3;
  options.batch_size = 4;
  options.measure_accuracy = false;
  nn::Network network = start();
  const TrainReport report = train(network, ten_images(), options);
  ASSERT_EQ(report.epoch_loss.size(), expected.loss.size());
  for (std::size_t e = 0; e < expected.loss.size(); ++e) EXPECT_NEAR(report.epoch_loss[e], expected.loss[e], 2e-6) << "epoch " << e;
  std::vector<float> found;
  for (const nn::Layer& layer : network.layers) {
    found.insert(found.end(), layer.weight.data(), layer.weight.data() + layer.weight.size());
    found.insert(found.end(), layer.bias.data(), layer.bias.data() + layer.bias.size());
  }
  ASSERT_EQ(found.size(), expected.values.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected.values[i], 3e-6) << "parameter " << i;
}

TEST(AgainstPyTorch, AdamWithWeightDecay) {
  expect_run(
      {.update_rule = "adam", .learning_rate = 0.05f, .weight_decay = 0.01f},
      {.loss = {1.02256997, 0.823660946, 0.696142018},
       .values = {-0.321541071f, 0.141783431f,   0.535910249f,  0.710816622f,  0.54406023f,   -0.177586898f,   0.147701889f,  0.235551342f,
                  -0.371329367f, -0.0825987682f, 0.199598581f,  -0.539908767f, -0.567869663f, -0.00930401124f, 0.175229445f,  0.584713757f,
                  0.354295552f,  0.765977621f,   0.0831462741f, 0.291645169f,  0.263896227f,  0.381333411f,    -0.238317728f, 0.141024739f,
                  0.248222381f,  -0.737341285f,  -0.345421672f, 0.0406452864f, -0.910741508f, -0.621958017f,   0.494392425f,  -0.485930741f,
                  -0.271646678f, 0.39187178f,    0.439356834f,  0.0805737972f, 0.515317917f,  -0.240664244f,   -0.272867858f, 0.312736064f,
                  -0.439724833f, -0.0447678752f, 0.471530437f}});
}

TEST(AgainstPyTorch, AdamWithClippingAndStepSchedule) {
  expect_run(
      {.update_rule = "adam",
       .learning_rate = 0.05f,
       .weight_decay = 0.001f,
       .clip_gradient_norm = 0.1f,
       .decay_every_epochs = 1,
       .decay_factor = 0.5f},
      {.loss = {1.02233863, 0.837531114, 0.767800689},
       .values = {-0.312846482f, 0.0565002933f, 0.435932249f,   0.651597202f,  0.405412734f,  -0.292686582f,  0.00850175507f, 0.162507951f,
                  -0.298162371f, 0.0052599269f, 0.296289146f,   -0.494494528f, -0.525016069f, -0.0741660893f, 0.190408736f,   0.534654438f,
                  0.334496796f,  0.68315959f,   -0.0617179647f, 0.190712169f,  0.132706612f,  0.263006002f,   -0.150803193f,  0.0860135853f,
                  0.0970045999f, -0.558471739f, -0.182379574f,  0.119682722f,  -0.755120635f, -0.449507058f,  0.490242839f,   -0.432239294f,
                  -0.229773387f, 0.341134578f,  0.507358372f,   0.022108376f,  0.394212574f,  -0.324122667f,  -0.269732833f,  0.19842048f,
                  -0.299530715f, -0.050539732f, 0.338811159f}});
}

TEST(AgainstPyTorch, SgdWithWeightDecay) {
  expect_run({.update_rule = "sgd", .learning_rate = 0.3f, .weight_decay = 0.02f},
             {.loss = {1.01876724, 0.887353039, 0.819696927},
              .values = {-0.385649145f,  -0.00492513832f, 0.248821899f,  0.609493136f,  0.413095325f,  -0.456870675f,  -0.175742909f,
                         0.196158215f,   -0.156890601f,   0.089452073f,  0.319639057f,  -0.337210327f, -0.502905488f,  -0.108759552f,
                         0.121481456f,   0.513125718f,    0.188553333f,  0.566228509f,  -0.247217804f, 0.114381596f,   0.0847394764f,
                         0.203896672f,   -0.144922033f,   0.0861253962f, 0.0060243574f, -0.388319373f, -0.0535816699f, 0.227297276f,
                         -0.524529815f,  -0.269831628f,   0.490160346f,  -0.416706026f, -0.123538345f, 0.289751858f,   0.47922042f,
                         -0.0071132225f, 0.375559866f,    -0.387942344f, -0.238861009f, 0.16952242f,   -0.579301655f,  0.000612628239f,
                         0.483961165f}});
}

TEST(AgainstPyTorch, SgdWithMomentumClippingAndStepSchedule) {
  expect_run({.update_rule = "sgd",
              .learning_rate = 0.1f,
              .update = {.momentum = 0.9f},
              .weight_decay = 0.02f,
              .clip_gradient_norm = 0.2f,
              .decay_every_epochs = 2,
              .decay_factor = 0.1f},
             {.loss = {1.05622158, 0.99677875, 0.931154418},
              .values = {-0.387060821f,   -0.0759176016f, 0.208923921f,    0.518494308f,  0.318051666f,  -0.468689322f,  -0.186368406f,
                         0.124551825f,    -0.129911155f,  0.143916517f,    0.411030501f,  -0.315376043f, -0.481558532f,  -0.169422373f,
                         0.1147485f,      0.424549073f,   0.197226748f,    0.511476576f,  -0.278673887f, 0.0327114202f,  -0.0538380593f,
                         0.169263199f,    -0.0408977307f, -0.00248830486f, -0.100185916f, -0.310622215f, -0.0140534751f, 0.248737708f,
                         -0.492212236f,   -0.210640922f,  0.411770552f,    -0.390825421f, -0.104400255f, 0.214197785f,   0.485851645f,
                         -0.00502444804f, 0.308754981f,   -0.432709217f,   -0.202605098f, 0.109284915f,  -0.248215735f,  -0.0843771175f,
                         0.236468956f}});
}

}  // namespace
}  // namespace espalier::train
