#include "espalier/prune/finetune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/base/error.hpp"
#include "espalier/prune/criterion.hpp"
#include "espalier/train/initial.hpp"
#include "train/small_data.hpp"

namespace espalier::prune {
namespace {

using train::same_bits;

struct Finetuning : public ::testing::Test {
  data::Dataset data = train::random_dataset(120, 3, 4, 1);
  nn::Network w0 = dense();
  FinetuneOptions options{
      .schedule = Finetune::rewinding,
      .round = {.epochs = 3, .batch_size = 16, .update_rule = "sgd", .learning_rate = 0.2f, .shuffle = true, .seed = 40}};

  nn::Network dense() const {
    nn::Network network = train::initial_network({9, 8, 6, 4}, train::Initialisation::xavier_uniform, 1);
    train::train(network, data, {.epochs = 5, .batch_size = 16, .learning_rate = 1e-2f});
    return network;
  }
  nn::Network trained(nn::Network network, int round) const {
    train::TrainOptions o = options.round;
    o.seed += static_cast<std::uint64_t>(round);
    train::train(network, data, o);
    return network;
  }
  /// w0 under the masks, written as plainly as possible.
  nn::Network rewound(const nn::Network& masks) const {
    nn::Network network = w0;
    for (std::size_t k = 0; k < network.layers.size(); ++k) {
      network.layers[k].mask = masks.layers[k].mask;
      for (Eigen::Index i = 0; i < masks.layers[k].mask.size(); ++i)
        if (masks.layers[k].mask.data()[i] == 0) network.layers[k].weight.data()[i] = 0;
    }
    return network;
  }
  nn::Network literal_rewinding(const PruneOptions& prune_options) const {
    nn::Network network = w0;
    for (int r = 0; r < prune_options.steps; ++r) {
      network = trained(network, r);
      prune_step(network, prune_options, r);
      network = rewound(network);
    }
    return trained(network, prune_options.steps);
  }
};

TEST_F(Finetuning, RewindingIsTheLiteralScheduleBitForBit) {
  for (const std::string& criterion : criterion_names())
    for (const Structure structure : {Structure::unstructured, Structure::structured}) {
      const PruneOptions prune_options{.criterion = criterion, .structure = structure, .rate = 0.6, .seed = 3};
      const FinetuneReport report = prune_and_finetune(w0, nullptr, data, prune_options, options);
      EXPECT_TRUE(same_bits(report.network, literal_rewinding(prune_options)))
          << criterion << " " << base::word_of(words(structure), structure);
      EXPECT_EQ(report.epochs_nominal, 6 * 3);
      EXPECT_EQ(report.epochs_run, make_criterion(criterion)->depends_on_weights() ? 6 * 3 : 3);
      EXPECT_EQ(report.epoch_loss.size(), static_cast<std::size_t>(report.epochs_run));
      report.network.check();
    }
}

TEST_F(Finetuning, RoundsOfRewindingMatterForMagnitude) {
  // Otherwise the comparison above would not notice a schedule that skips them.
  const PruneOptions prune_options{.rate = 0.6};
  const nn::Network without_rounds = trained(prune(w0, prune_options), 5);
  EXPECT_FALSE(same_bits(without_rounds, literal_rewinding(prune_options)));
}

TEST_F(Finetuning, FirstRoundCanBeGivenAndSavesItsEpochs) {
  const FirstRound first = first_round(w0, data, options);
  EXPECT_TRUE(same_bits(first.network, trained(w0, 0)));
  EXPECT_EQ(first.report.epochs_run, 3);
  const PruneOptions prune_options{.rate = 0.6};
  ASSERT_TRUE(needs_first_round(prune_options, options));
  const FinetuneReport given = prune_and_finetune(w0, &first.network, data, prune_options, options);
  EXPECT_TRUE(same_bits(given.network, prune_and_finetune(w0, nullptr, data, prune_options, options).network));
  EXPECT_EQ(given.epochs_run, 5 * 3);
  EXPECT_EQ(given.epochs_nominal, 6 * 3);
}

TEST_F(Finetuning, FirstRoundIsNeededOnlyWhereWeightsAreLookedAt) {
  EXPECT_FALSE(needs_first_round({.criterion = "random"}, options));
  EXPECT_FALSE(needs_first_round({}, {.schedule = Finetune::cumulative}));
  EXPECT_FALSE(needs_first_round({}, {.schedule = Finetune::none}));
  const FirstRound first = first_round(w0, data, options);
  const PruneOptions random{.criterion = "random", .rate = 0.6};
  EXPECT_TRUE(same_bits(prune_and_finetune(w0, &first.network, data, random, options).network,
                        prune_and_finetune(w0, nullptr, data, random, options).network));
}

TEST_F(Finetuning, CumulativePrunesThenTrainsWithoutRewinding) {
  options.schedule = Finetune::cumulative;
  for (const std::string& criterion : criterion_names()) {
    const PruneOptions prune_options{.criterion = criterion, .rate = 0.6};
    nn::Network expected = w0;
    for (int r = 0; r < 5; ++r) {
      prune_step(expected, prune_options, r);
      expected = trained(expected, r);
    }
    const FinetuneReport report = prune_and_finetune(w0, nullptr, data, prune_options, options);
    EXPECT_TRUE(same_bits(report.network, expected)) << criterion;
    EXPECT_EQ(report.epochs_run, 15);
    EXPECT_EQ(report.epochs_nominal, 15);
  }
}

TEST_F(Finetuning, NoneIsPruningAlone) {
  options.schedule = Finetune::none;
  const FinetuneReport report = prune_and_finetune(w0, nullptr, data, {.rate = 0.6}, options);
  EXPECT_TRUE(same_bits(report.network, prune(w0, {.rate = 0.6})));
  EXPECT_EQ(report.epochs_run, 0);
  EXPECT_EQ(report.epochs_nominal, 0);
}

TEST_F(Finetuning, PruningCountsHoldUnderEverySchedule) {
  const auto masks = [](const nn::Network& n) { return n.layers[0].mask.cast<int>().sum(); };
  const int expected = masks(prune(w0, {.rate = 0.8}));
  for (const Finetune schedule : {Finetune::none, Finetune::rewinding, Finetune::cumulative}) {
    options.schedule = schedule;
    EXPECT_EQ(masks(prune_and_finetune(w0, nullptr, data, {.rate = 0.8}, options).network), expected)
        << base::word_of(words(schedule), schedule);
  }
}

TEST_F(Finetuning, StopsWithinARound) {
  int polls = 0;
  const FinetuneReport report = prune_and_finetune(w0, nullptr, data, {.rate = 0.6}, options, [&] { return ++polls > 60; });
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(polls, 61);
  EXPECT_LT(report.epochs_run, report.epochs_nominal);
  options.schedule = Finetune::cumulative;
  EXPECT_TRUE(prune_and_finetune(w0, nullptr, data, {.rate = 0.6}, options, [] { return true; }).stopped);
}

TEST_F(Finetuning, RefusesAFirstRoundOfAnotherNetwork) {
  const nn::Network other = train::initial_network({9, 8, 4}, train::Initialisation::xavier_uniform, 1);
  try {
    prune_and_finetune(w0, &other, data, {}, options);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "finetuning: expected the first round of a network 9-8-6-4, found one of 9-8-4");
  }
}

}  // namespace
}  // namespace espalier::prune
