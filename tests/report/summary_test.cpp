#include "espalier/report/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/h5/table.hpp"

namespace espalier::report {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

struct Row {
  const char* criterion;
  double rate;
  std::int64_t sample;
  double first;  ///< seconds to the first adversarial input
  double finetune = 0;
  const char* status = "done";
  const char* solve_status = "adversarial";
};

h5::Table solves(const std::vector<Row>& rows) {
  const std::size_t n = rows.size();
  std::vector<std::string> status, solve_status, criterion, limit;
  std::vector<double> rate, first;
  std::vector<std::string> embedded;
  std::vector<std::int64_t> sample;
  std::vector<bool> adversarial;
  for (const Row& r : rows) {
    status.push_back(r.status);
    solve_status.push_back(r.solve_status);
    criterion.push_back(r.criterion);
    limit.push_back(std::isnan(r.first) ? "time" : "none");
    rate.push_back(r.rate);
    first.push_back(r.first);
    embedded.push_back(std::to_string(embedded.size()));
    sample.push_back(r.sample);
    adversarial.push_back(!std::isnan(r.first));
  }
  const auto text = [&](const char* value) { return std::vector<std::string>(n, value); };
  const auto integers = [&](std::int64_t value) { return std::vector<std::int64_t>(n, value); };
  return {.columns = {{"status", status},
                      {"dataset_name", text("mnist")},
                      {"dataset_side", integers(18)},
                      {"network_hidden", text("32-32")},
                      {"prune_criterion", criterion},
                      {"prune_structure", text("unstructured")},
                      {"prune_rate", rate},
                      {"prune_finetuning", text("none")},
                      {"adversarial", adversarial},
                      {"solve_status", solve_status},
                      {"solve_limit", limit},
                      {"first_adversarial_seconds", first},
                      {"embedded_test_accuracy", std::vector<double>(n, 0.9)},
                      {"embedded_network", embedded},
                      {"model_binaries", integers(40)},
                      {"dense_network", text("d")},
                      {"problem_sample_index", sample},
                      {"problem_epsilon", std::vector<double>(n, 5.0)},
                      {"solve_solver", text("cbc")},
                      {"solve_formulation", text("lean")},
                      {"solve_bounds", text("l1")},
                      {"repetition", integers(0)}}};
}

/// /networks for these rows: two of six epochs were run for each network itself.
h5::Table networks(const std::vector<Row>& rows) {
  std::vector<std::string> keys;
  std::vector<double> seconds;
  for (const Row& r : rows) {
    keys.push_back(std::to_string(keys.size()));
    seconds.push_back(r.finetune / 3);
  }
  return {.columns = {{"key", keys},
                      {"training_seconds", seconds},
                      {"epochs_run", std::vector<std::int64_t>(rows.size(), 2)},
                      {"epochs_nominal", std::vector<std::int64_t>(rows.size(), 6)}}};
}

std::vector<SummaryRow> summarise_rows(const std::vector<Row>& rows) { return summarise(solves(rows), networks(rows)); }

TEST(Summary, CountsStrictlyFasterAndNeverBothNotFound) {
  const auto rows = summarise_rows({
      {"none", 0, 1, 2.0},
      {"magnitude", 0.5, 1, 1.0},  // faster
      {"none", 0, 2, 2.0},
      {"magnitude", 0.5, 2, 2.0},  // equal: no win
      {"none", 0, 3, none},
      {"magnitude", 0.5, 3, 99.0},  // found by the surrogate only: a win
      {"none", 0, 4, none},
      {"magnitude", 0.5, 4, none},  // by neither: no win
      {"none", 0, 5, 1.0},
      {"magnitude", 0.5, 5, none},  // by the dense one only
  });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].criterion, "none");
  EXPECT_EQ(rows[0].adversarial, 3);
  EXPECT_EQ(rows[0].limit, 2);
  EXPECT_EQ(rows[1].pairs, 5);
  EXPECT_EQ(rows[1].faster, 2);
  EXPECT_DOUBLE_EQ(rows[1].median_seconds, 2.0);
}

TEST(Summary, ClaimsAreCountedApart) {
  const auto rows = summarise_rows({{"none", 0, 1, none, 0, "done", "robust_claimed"},
                                    {"none", 0, 2, none, 0, "done", "optimal_claimed"},
                                    {"none", 0, 3, none, 0, "done", "limit"},
                                    {"none", 0, 4, 2.0, 0, "done", "optimal_claimed"}});  // an input was found, which is verified
  EXPECT_EQ(rows[0].claimed, 2);
  EXPECT_EQ(rows[0].limit, 1);
  EXPECT_EQ(rows[0].adversarial, 1);
}

TEST(Summary, FinetuningTimeCounts) {
  const auto rows = summarise_rows({{"none", 0, 1, 2.0}, {"magnitude", 0.5, 1, 1.0, 1.5}});
  EXPECT_EQ(rows[1].faster, 1);
  EXPECT_EQ(rows[1].faster_with_finetuning, 0);
}

TEST(Summary, FailedRowsAreCountedApartAndWaitingOnesLeftOut) {
  const auto rows = summarise_rows({{"none", 0, 1, none, 0, "failed"}, {"none", 0, 2, none, 0, "waiting"}, {"magnitude", 0.5, 1, 1.0}});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].solves, 1);
  EXPECT_EQ(rows[0].failed, 1);
  EXPECT_EQ(rows[0].limit, 0);
  EXPECT_EQ(rows[1].pairs, 0);  // no dense result to compare with
  EXPECT_THAT(format_text(rows), testing::HasSubstr("1 solves failed"));
}

TEST(Summary, CsvHasOneLinePerGroup) {
  const std::string csv = format_csv(summarise_rows({{"none", 0, 1, 2.0}, {"magnitude", 0.5, 1, 1.0}, {"magnitude", 0.9, 1, 1.0}}));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

TEST(Summary, MissingColumnIsNamed) {
  h5::Table table = solves({{"none", 0, 1, 2.0}});
  table.columns.erase(table.columns.begin() + 5);
  try {
    summarise(table, networks({}));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("prune_structure"));
  }
}

}  // namespace
}  // namespace espalier::report
