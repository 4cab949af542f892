#include "studies/surrogate/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/h5/table.hpp"

namespace espalier::studies::surrogate {

using namespace report;
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

struct Row {
  const char* criterion;
  double rate;
  std::int64_t sample;
  double first;  ///< seconds to the first adversarial input
  double finetune = 0;
  const char* status = "done";
  const char* solve_status = "";  ///< "": adversarial or limit
};

/// Of one parameter or result in these rows; in the place of the table's column of that name, or added as a parameter.
using Override = std::pair<std::string, h5::ColumnValues>;

template <class T>
std::vector<T> repeated(std::size_t n, T value) {
  return std::vector<T>(n, value);
}

h5::Table solves(const std::vector<Row>& rows) {
  const std::size_t n = rows.size();
  std::vector<std::string> status, criterion, solve_status, embedded;
  std::vector<double> rate, first, finetune;
  std::vector<std::int64_t> sample;
  std::vector<bool> adversarial;
  for (const Row& r : rows) {
    const bool found = !std::isnan(r.first);
    status.push_back(r.status);
    criterion.push_back(r.criterion);
    solve_status.push_back(*r.solve_status != '\0' ? r.solve_status : found ? "adversarial" : "limit");
    rate.push_back(r.rate);
    first.push_back(r.first);
    finetune.push_back(r.finetune > 0 ? r.finetune : none);
    embedded.push_back(std::to_string(embedded.size()));
    sample.push_back(r.sample);
    adversarial.push_back(found);
  }
  const auto text = [&](const char* value) { return repeated<std::string>(n, value); };
  const auto integers = [&](std::int64_t value) { return repeated(n, value); };
  return {.columns = {{"status", status},
                      {"dataset_name", text("mnist")},
                      {"dataset_side", integers(18)},
                      {"network_hidden", text("32-32")},
                      {"train_seed", integers(0)},
                      {"prune_criterion", criterion},
                      {"prune_structure", text("unstructured")},
                      {"prune_rate", rate},
                      {"prune_finetuning", text("none")},
                      {"problem_sample_index", sample},
                      {"problem_epsilon", repeated(n, 5.0)},
                      {"solve_solver", text("cbc")},
                      {"solve_bounds", text("interval")},
                      {"solve_time_limit", repeated(n, 20.0)},
                      {"repetition", integers(0)},
                      {"solve_status", solve_status},
                      {"adversarial", adversarial},
                      {"first_adversarial_seconds", first},
                      {"label", integers(3)},
                      {"target", integers(4)},
                      {"dense_network", text("d")},
                      {"embedded_network", embedded},
                      {"embedded_test_accuracy", repeated(n, 0.9)},
                      {"finetuning_cpu_seconds", finetune},
                      {"model_binaries", integers(40)}}};
}

Results results_of(const std::vector<Row>& rows, const std::vector<Override>& overrides = {}) {
  h5::Table table = solves(rows);
  for (const auto& [name, values] : overrides) {
    const auto same = [&](const h5::Column& column) { return column.name == name; };
    auto& columns = table.columns;
    if (const auto it = std::find_if(columns.begin(), columns.end(), same); it != columns.end())
      it->values = values;
    else
      columns.insert(columns.begin() + 1, {.name = name, .values = values});
  }
  Results all{.solves = results::Table(std::move(table)), .networks = results::Table(), .parameters = {}};
  all.parameters = all.solves.parameters();
  return all;
}

std::vector<SummaryRow> summarise_rows(const std::vector<Row>& rows, const std::vector<Override>& overrides = {}) {
  return summarise(results_of(rows, overrides)).rows;
}

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
  EXPECT_TRUE(rows[0].dense);
  EXPECT_EQ(rows[0].outcomes.adversarial, 3);
  EXPECT_EQ(rows[0].outcomes.limit, 2);
  EXPECT_EQ(rows[1].pairs, 5);
  EXPECT_EQ(rows[1].faster, 2);
  EXPECT_DOUBLE_EQ(rows[1].median_seconds, 2.0);
}

TEST(Summary, FinetuningTimeCounts) {
  const auto rows = summarise_rows({{"none", 0, 1, 2.0}, {"magnitude", 0.5, 1, 1.0, 1.5}});
  EXPECT_EQ(rows[1].faster, 1);
  EXPECT_EQ(rows[1].faster_with_finetuning, 0);
}

TEST(Summary, FailedRowsAreCountedApartAndWaitingOnesLeftOut) {
  const auto rows = summarise_rows({{"none", 0, 1, none, 0, "failed"}, {"none", 0, 2, none, 0, "waiting"}, {"magnitude", 0.5, 1, 1.0}});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].outcomes.solves, 1);
  EXPECT_EQ(rows[0].outcomes.failed, 1);
  EXPECT_EQ(rows[0].outcomes.limit, 0);
  EXPECT_EQ(rows[1].pairs, 0);  // no dense result to compare with
  EXPECT_EQ(rows[1].unpaired, 1);
  EXPECT_EQ(rows[1].unpaired_reason, "none is done");
  const std::string text = format_text(summarise(results_of({{"none", 0, 1, none, 0, "failed"}})));
  EXPECT_THAT(text, HasSubstr("1 solves failed"));
}

TEST(Summary, EveryWayToEndIsCountedApart) {
  const auto rows = summarise_rows({{"none", 0, 1, none, 0, "done", "robust"},
                                    {"none", 0, 2, none, 0, "done", "optimal"},
                                    {"none", 0, 3, none, 0, "done", "robust_claimed"},
                                    {"none", 0, 4, none, 0, "done", "optimal_claimed"},
                                    {"none", 0, 5, none, 0, "done", "surrogate_solved"},
                                    {"none", 0, 6, none, 0, "done", "limit"},
                                    {"none", 0, 7, none, 0, "done", "error"},
                                    {"none", 0, 8, none, 0, "failed", ""},
                                    {"none", 0, 9, 1.0, 0, "done", "optimal_claimed"},
                                    {"none", 0, 9, none, 0, "done", "perhaps"}});
  ASSERT_EQ(rows.size(), 1u);
  const Outcomes& outcomes = rows[0].outcomes;
  std::vector<std::int64_t> counts;
  for (const OutcomeColumn& column : outcome_columns) counts.push_back(outcomes.*column.count);
  EXPECT_THAT(counts, ElementsAre(10, 1, 2, 2, 1, 1, 1, 1, 1));
}

TEST(Summary, WhatDiffersIsARowOfItsOwn) {
  const std::vector<Row> rows{{"none", 0, 1, 2.0}, {"none", 0, 1, 1.0}};
  const std::vector<Override> differences{{"solve_solver", std::vector<std::string>{"cbc", "bab"}},
                                          {"solve_bounds", std::vector<std::string>{"interval", "obbt-lp"}},
                                          {"solve_time_limit", std::vector<double>{20, 60}},
                                          {"problem_epsilon", std::vector<double>{5, 6}},
                                          {"solve_formulation", std::vector<std::string>{"big-m-literal", "big-m"}},
                                          {"solve_goal", std::vector<std::string>{"decide", "optimize"}},
                                          {"problem_label_source", std::vector<std::string>{"dense", "surrogate"}},
                                          {"solve_protocol", std::vector<std::string>{"surrogate", "surrogate-then-dense"}},
                                          {"solve_compress", std::vector<bool>{false, true}},
                                          {"train_learning_rate", std::vector<double>{1e-3, 1.0000000001e-3}}};
  for (const Override& difference : differences) {
    const Summary summary = summarise(results_of(rows, {difference}));
    EXPECT_EQ(summary.rows.size(), 2u) << difference.first;
    EXPECT_THAT(summary.columns, ElementsAre(difference.first));
    EXPECT_THAT(format_csv(summary), HasSubstr("," + difference.first + ",solves,"));
  }
}

TEST(Summary, RepetitionsAreOneRowThatSaysSo) {
  const Summary summary = summarise(results_of({{"none", 0, 1, 2.0}, {"none", 0, 2, 1.0}, {"none", 0, 2, 3.0}},
                                               {{"train_seed", std::vector<std::int64_t>{7, 8, 8}},
                                                {"repetition", std::vector<std::int64_t>{0, 0, 1}},
                                                {"problem_epsilon", std::vector<double>{4.75, 5.5, 5.5}}}));
  ASSERT_EQ(summary.rows.size(), 1u);
  EXPECT_THAT(summary.columns, IsEmpty());
  EXPECT_EQ(
      summary.pooled,
      "train_seed (2 values), problem_sample_index (2 values), problem_epsilon (4.75 to 5.5, one for each image), repetition (2 values)");
  EXPECT_THAT(format_text(summary), HasSubstr("Each row pools: train_seed (2 values)"));
}

TEST(Summary, ADensePartnerAgreesInAllButPruning) {
  const std::vector<Row> rows{{"none", 0, 1, 2.0}, {"magnitude", 0.5, 1, 1.0}};
  EXPECT_EQ(summarise_rows(rows)[1].pairs, 1);
  const std::vector<Override> differences{{"solve_goal", std::vector<std::string>{"decide", "optimize"}},
                                          {"solve_start", std::vector<std::string>{"none", "attack"}},
                                          {"solve_on_success", std::vector<std::string>{"stop", "continue"}},
                                          {"solve_compress", std::vector<bool>{false, true}},
                                          {"solve_time_limit", std::vector<double>{20, 60}},
                                          {"solve_seed", std::vector<std::int64_t>{0, 1}},
                                          {"repetition", std::vector<std::int64_t>{0, 1}},
                                          {"label", std::vector<std::int64_t>{3, 5}},
                                          {"dense_network", std::vector<std::string>{"d", "e"}}};
  for (const Override& difference : differences) {
    const auto summary = summarise_rows(rows, {difference});
    const auto pruned = std::find_if(summary.begin(), summary.end(), [](const SummaryRow& row) { return !row.dense; });
    EXPECT_EQ(pruned->pairs, 0) << difference.first;
    EXPECT_EQ(pruned->unpaired, 1);
    EXPECT_THAT(pruned->unpaired_reason, StartsWith("the nearest differs in " + difference.first + " ("));
  }
  // A dense network has neither a protocol, nor another source of its label, nor another network to ask about.
  EXPECT_EQ(summarise_rows(rows, {{"problem_network", std::vector<std::string>{"", "dense"}}})[1].pairs, 1);
  EXPECT_EQ(summarise_rows(rows, {{"solve_protocol", std::vector<std::string>{"surrogate", "surrogate-then-dense"}}})[1].pairs, 1);
}

TEST(Summary, OfTwoDensePartnersNoneWins) {
  const Summary summary = summarise(results_of({{"none", 0, 1, 2.0}, {"none", 0, 1, 0.5}, {"magnitude", 0.5, 1, 1.0}}));
  EXPECT_EQ(summary.rows[1].pairs, 0);
  EXPECT_EQ(summary.rows[1].unpaired_reason, "2 agree with it in everything");
  EXPECT_THAT(format_text(summary), HasSubstr("1 solves of pruned networks are not compared"));
}

TEST(Summary, TextFitsAHundredColumnsAndHidesWhatIsZeroEverywhere) {
  const std::string long_word = "external:/opt/solver {model} --threads 1 --write {solution} --quiet";
  const Summary summary =
      summarise(results_of({{"none", 0, 1, 2.0}, {"magnitude", 0.95, 1, 1.0}, {"none", 0, 1, none}, {"magnitude", 0.95, 1, 1.0}},
                           {{"dataset_name", std::vector<std::string>{"mnist", "fashion-mnist", "mnist", "fashion-mnist"}},
                            {"solve_solver", std::vector<std::string>{"bab", "bab", long_word, long_word}}}));
  ASSERT_EQ(summary.rows.size(), 4u);
  const std::string text = format_text(summary);
  EXPECT_THAT(text, HasSubstr("\n\ndata set fashion-mnist"));
  EXPECT_THAT(text, HasSubstr(" limit"));
  EXPECT_THAT(text, testing::Not(HasSubstr("failed")));
  EXPECT_THAT(text, testing::Not(HasSubstr("P2")));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 100u) << text.substr(at, end - at);
    at = end + 1;
  }
}

TEST(Summary, CsvQuotesWhatNeedsIt) {
  const std::string csv = format_csv(summarise(results_of({{"none", 0, 1, 2.0}, {"none", 0, 1, 2.0}},
                                                          {{"solve_solver", std::vector<std::string>{"external:say \"a, b\"", "bab"}}})));
  EXPECT_THAT(csv, HasSubstr("\"external:say \"\"a, b\"\"\",1,"));
}

TEST(Summary, AnUnfinishedRunSaysSoFirst) {
  Results some = results_of({{"none", 0, 1, 2.0}});
  EXPECT_EQ(describe_incomplete(some), "");
  some.tasks_done = 4;
  some.tasks_failed = 1;
  some.tasks_waiting = 7;
  EXPECT_THAT(describe_incomplete(some), StartsWith("The run is not complete: 7 of its 12 tasks had not been done"));
}

TEST(Summary, CsvHasOneLinePerGroup) {
  const std::string csv = format_csv(summarise(results_of({{"none", 0, 1, 2.0}, {"magnitude", 0.5, 1, 1.0}, {"magnitude", 0.9, 1, 1.0}})));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

TEST(Summary, MissingColumnIsNamed) {
  h5::Table table = solves({{"none", 0, 1, 2.0}});
  std::erase_if(table.columns, [](const h5::Column& column) { return column.name == "adversarial"; });
  const Results some{.solves = results::Table(std::move(table)), .networks = results::Table(), .parameters = {}};
  try {
    summarise(some);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("adversarial"));
  }
}

}  // namespace
}  // namespace espalier::studies::surrogate
