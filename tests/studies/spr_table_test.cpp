#include "studies/spr/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "espalier/h5/table.hpp"

namespace espalier::studies::spr {

using namespace report;
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Row {
  std::int64_t seed;
  bool pruned;
  double seconds;
  const char* solve_status = "robust";
  const char* status = "done";
};

template <class T>
std::vector<T> repeated(std::size_t n, T value) {
  return std::vector<T>(n, value);
}

/// Rows of networks "t<seed>" as trained and "p<seed>" pruned.
h5::Table solves(const std::vector<Row>& rows) {
  const std::size_t n = rows.size();
  std::vector<std::string> status, solve_status, regulariser, criterion, subjects, embedded;
  std::vector<std::int64_t> seed, transfers;
  std::vector<double> seconds;
  std::vector<bool> adversarial;
  for (const Row& r : rows) {
    status.push_back(r.status);
    solve_status.push_back(r.solve_status);
    regulariser.push_back(r.pruned ? "spr" : "none");
    criterion.push_back(r.pruned ? "threshold" : "none");
    subjects.push_back(r.pruned ? "embedded" : "");
    embedded.push_back((r.pruned ? "p" : "t") + std::to_string(r.seed));
    seed.push_back(r.seed);
    seconds.push_back(r.seconds);
    adversarial.push_back(std::string(r.solve_status) == "adversarial");
    transfers.push_back(adversarial.back() ? 3 : 0);
  }
  const auto text = [&](const char* value) { return repeated<std::string>(n, value); };
  const auto integers = [&](std::int64_t value) { return repeated(n, value); };
  return {.columns = {{"status", status},
                      {"dataset_name", text("mnist")},
                      {"dataset_side", integers(28)},
                      {"network_hidden", text("15-15")},
                      {"train_regulariser", regulariser},
                      {"train_regulariser_strength", repeated(n, 0.5)},
                      {"train_spr_alpha", repeated(n, 0.9)},
                      {"train_seed", seed},
                      {"prune_criterion", criterion},
                      {"problem_network", subjects},
                      {"problem_sample_index", integers(10000)},
                      {"problem_epsilon", repeated(n, 5.0)},
                      {"solve_solver", text("cbc")},
                      {"solve_formulation", text("big-m")},
                      {"solve_bounds", text("interval")},
                      {"solve_goal", text("decide")},
                      {"repetition", integers(0)},
                      {"solve_status", solve_status},
                      {"embedded_network", embedded},
                      {"embedded_test_accuracy", repeated(n, 0.95)},
                      {"model_binaries", integers(20)},
                      {"nodes", integers(7)},
                      {"solve_seconds", seconds},
                      {"adversarial", adversarial},
                      {"transfer_networks", transfers},
                      {"transfer_adversarial", transfers},
                      {"transfer_class_changed", integers(0)}}};
}

h5::Table networks() {
  return {.columns = {{"key", std::vector<std::string>{"t0", "p0", "t1", "p1"}},
                      {"architecture", std::vector<std::string>{"784-15-15-10", "784-13-14-10", "784-15-15-10", "784-9-8-10"}}}};
}

Table summarised(const h5::Table& table, const h5::Table& known) {
  const results::Table solves(table);
  return summarise({.solves = solves, .networks = results::Table(known), .parameters = solves.parameters()});
}
std::vector<TableRow> rows_of(const h5::Table& table, const h5::Table& known) { return summarised(table, known).rows; }

TEST(Table, PairsBySeedAndTakesTheGeometricMean) {
  const auto rows = rows_of(solves({{0, false, 0.99}, {0, true, 0.09}, {1, false, 3.99}, {1, true, 0.99}}), networks());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].network, "as trained");
  EXPECT_TRUE(std::isnan(rows[0].speed_up));
  EXPECT_EQ(rows[1].network, "spr 0.5/0.9 threshold");
  EXPECT_EQ(rows[1].pairs, 2);
  EXPECT_NEAR(rows[1].speed_up, std::sqrt((1.0 / 0.1) * (4.0 / 1.0)), 1e-12);
  EXPECT_THAT(rows[1].architectures, ElementsAre("1x13-1x14", "1x9-1x8"));
  EXPECT_DOUBLE_EQ(rows[0].median_seconds, 2.49);
}

TEST(Table, ArchitecturesAreWrittenAsInThePaper) {
  h5::Table known = networks();
  std::get<std::vector<std::string>>(known.columns[1].values) = {"784-50-50-10", "784-39-43-10", "784-6-6-6-9-6-10", "784-10"};
  const auto rows = rows_of(solves({{0, false, 1}, {0, true, 1}, {1, false, 1}, {1, true, 1}}), known);
  EXPECT_THAT(rows[0].architectures, ElementsAre("2x50", "3x6-1x9-1x6"));
  EXPECT_THAT(rows[1].architectures, ElementsAre("1x39-1x43", "dead network"));
}

TEST(Table, ExactCompressionIsAFactorOfItsOwn) {
  h5::Table table = solves({{0, false, 3.99}, {0, false, 0.99}, {0, true, 0.99}, {0, true, 0.09}});
  table.columns.push_back({"prune_proof", std::vector<std::string>{"none", "none", "crown", "none"}});
  table.columns.push_back({"solve_compress", std::vector<bool>{false, true, false, true}});
  const auto rows = rows_of(table, networks());
  ASSERT_EQ(rows.size(), 4u);
  std::map<std::string, double> speed_up;
  for (const TableRow& row : rows) speed_up[row.network] = row.speed_up;
  EXPECT_TRUE(std::isnan(speed_up.at("as trained")));
  EXPECT_NEAR(speed_up.at("as trained (region)"), 4, 1e-12);
  EXPECT_NEAR(speed_up.at("spr 0.5/0.9 threshold exact"), 4, 1e-12);
  EXPECT_NEAR(speed_up.at("spr 0.5/0.9 threshold (region)"), 40, 1e-12);
}

TEST(Table, ASelectedNetworkHasNoStrengthOfItsOwn) {
  h5::Table table = solves({{0, false, 0.99}, {0, true, 0.09}});
  table.columns.push_back({"select_strengths", std::vector<std::string>{"", "0.1, 0.5"}});
  const auto rows = rows_of(table, networks());
  EXPECT_EQ(rows[0].network, "as trained");
  EXPECT_EQ(rows[1].network, "spr selected threshold");
}

TEST(Table, OnlyPairsDecidedWithBothCount) {
  const auto rows = rows_of(
      solves(
          {{0, false, 300, "limit"}, {0, true, 0.1}, {1, false, 0.99, "adversarial"}, {1, true, 0.09}, {2, true, 1, "robust", "failed"}}),
      networks());
  EXPECT_EQ(rows[0].outcomes.limit, 1);
  EXPECT_EQ(rows[0].outcomes.adversarial, 1);
  EXPECT_EQ(rows[0].transfer_networks, 3);
  EXPECT_EQ(rows[1].outcomes.solves, 3);
  EXPECT_EQ(rows[1].outcomes.none, 2);
  EXPECT_EQ(rows[1].outcomes.failed, 1);
  EXPECT_EQ(rows[1].pairs, 1);
  EXPECT_NEAR(rows[1].speed_up, 10, 1e-12);
}

TEST(Table, AClaimIsNotDecided) {
  const auto rows = rows_of(solves({{0, false, 0.99, "robust_claimed"}, {0, true, 0.09}}), networks());
  EXPECT_EQ(rows[0].outcomes.none, 0);
  EXPECT_EQ(rows[0].outcomes.claimed, 1);
  EXPECT_EQ(rows[1].outcomes.none, 1);
  EXPECT_EQ(rows[1].outcomes.claimed, 0);
  EXPECT_EQ(rows[1].pairs, 0);
}

TEST(Table, TheNetworkAsTrainedAgreesInAllButTrainingAndPruning) {
  const std::vector<Row> both{{0, false, 0.99}, {0, true, 0.09}};
  EXPECT_EQ(rows_of(solves(both), networks())[1].pairs, 1);
  for (const char* name : {"solve_goal", "solve_formulation", "solve_solver", "network_hidden"}) {
    h5::Table table = solves(both);
    for (h5::Column& column : table.columns)
      if (column.name == name) std::get<std::vector<std::string>>(column.values).back() = "15";
    const auto rows = rows_of(table, networks());
    const auto pruned = std::find_if(rows.begin(), rows.end(), [](const TableRow& row) { return row.network != "as trained"; });
    EXPECT_EQ(pruned->pairs, 0) << name;
    EXPECT_THAT(pruned->unpaired_reason, HasSubstr(name));
  }
}

TEST(Table, TextAndCsvNameTheFigures) {
  const Table own = summarised(solves({{0, false, 0.99}, {0, true, 0.09}}), networks());
  const std::string text = format_text(own);
  EXPECT_THAT(text, testing::AllOf(HasSubstr("data set mnist, side 28, hidden 15-15, radius 5, solver cbc, bounds interval\n"),
                                   HasSubstr("spr 0.5/0.9 threshold"), HasSubstr("15-15 as trained: 2x15\n"), HasSubstr("1x13-1x14"),
                                   HasSubstr("10.0"), HasSubstr("none: proved that there")));
  EXPECT_THAT(format_csv(own), HasSubstr("mnist,28,15-15,5,cbc,interval,as trained,2x15,1,0,1,0,0,0,0,0,0,0.95,20,7,0.99,0,0,nan,0,0,0\n"));
}

}  // namespace
}  // namespace espalier::studies::spr
