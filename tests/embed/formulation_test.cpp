// The conformance suite of all formulations: run for each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/test_name.hpp"
#include "bounds/methods.hpp"
#include "espalier/embed/embed.hpp"
#include "problem/reference.hpp"

namespace espalier::embed {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using problem::Problem;

std::unique_ptr<Embedding> build(const std::string& formulation, const Problem& problem,
                                 const bounds::BoundsMethod& method = *bounds::make_interval()) {
  const problem::Region region = problem.region();
  const bounds::Bounds bounds = method.compute(problem.network, region);
  return make_formulation(formulation)
      ->build({.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds});
}

double margin(const Problem& problem, const Eigen::VectorXd& x) {
  const Eigen::VectorXd logits = nn::forward(problem.network, x);
  return problem.objective()(logits);
}

/// Largest row or bound of the model in size: what "1e-9 scaled" is relative to.
double scale(const milp::Model& model) {
  double largest = 1;
  for (const milp::RowData& row : model.rows()) {
    for (const milp::Term& term : row.terms) largest = std::max(largest, std::abs(term.coefficient));
  }
  return largest;
}

void expect_lifted(const Embedding& embedding, const Problem& problem, const Eigen::VectorXd& x, const std::string& where) {
  const std::vector<double> point = embedding.complete(x);
  EXPECT_LE(embedding.model().violation(point), 1e-9 * scale(embedding.model())) << where;
  EXPECT_NEAR(embedding.model().objective_value(point), margin(problem, x), 1e-9) << where;
  // The input comes back up to pixels that the model does not need: the network cannot tell the difference.
  EXPECT_NEAR(margin(problem, embedding.read_input(point)), margin(problem, x), 1e-9) << where;
}

std::vector<Problem> assorted_problems() {
  std::vector<Problem> problems{random_problem({20, 8, 8, 4}, 1, 1.0),
                                random_problem({20, 8, 8, 4}, 2, 0.01, 0.7),
                                random_problem({10, 4}, 3, 0.5),
                                random_problem({15, 5, 5, 5, 5, 3}, 4, 4.0, 0.3),
                                random_problem({12, 20, 20, 10}, 5, 1.0, 0.95),
                                random_problem({12, 6, 6, 3}, 6, 0.8)};
  // Structured pruning: whole rows of zeros, in both hidden layers and in the output layer.
  problems.back().name = "rows_pruned";
  problems.back().network.layers[0].weight.topRows(3).setZero();
  problems.back().network.layers[1].weight.bottomRows(2).setZero();
  problems.back().network.layers[2].weight.row(*problems.back().target).setZero();
  return problems;
}

class EveryFormulation : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Registry, EveryFormulation, ::testing::ValuesIn(formulation_names()),
                         [](const auto& each) { return espalier::testing::test_name(each.param); });

TEST_P(EveryFormulation, LiftsTheOptimalInputOfEveryReferenceProblemToItsOptimum) {
  for (const Problem& problem : espalier::testing::reference_problems()) {
    for (const auto& method : bounds::propagated_methods()) {
      const auto embedding = build(GetParam(), problem, *method);
      const std::vector<double> point = embedding->complete(*problem.optimal_input);
      EXPECT_LE(embedding->model().violation(point), 1e-6) << problem.name << " " << method->name();
      EXPECT_NEAR(embedding->model().objective_value(point), *problem.optimum, 1e-6) << problem.name << " " << method->name();
      EXPECT_NEAR(margin(problem, embedding->read_input(point)), *problem.optimum, 1e-6) << problem.name << " " << method->name();
    }
  }
}

TEST_P(EveryFormulation, EveryLiftedInputIsFeasibleWithTheNetworksMarginAsObjective) {
  base::RandomStream random(1, "points");
  for (const Problem& problem : assorted_problems()) {
    for (const auto& method : bounds::propagated_methods()) {
      const auto embedding = build(GetParam(), problem, *method);
      embedding->model().check();
      expect_lifted(*embedding, problem, problem.input, problem.name + " clean " + method->name());
      for (int i = 0; i < 50; ++i)
        expect_lifted(*embedding, problem, random_point(problem.region(), random), problem.name + " " + method->name());
    }
  }
}

/// Moving one column of a completed point by itself must violate the model: the rows do bind. d >= |x - x0| alone may grow within the
/// budget.
TEST_P(EveryFormulation, APointThatIsNoForwardPassIsInfeasible) {
  const Problem problem = random_problem({20, 8, 8, 4}, 1, 1.0);
  const auto embedding = build(GetParam(), problem);
  base::RandomStream random(2, "points");
  const std::vector<double> clean = embedding->complete(problem.input);
  int checked = 0;
  for (std::size_t j = 0; j < clean.size(); ++j) {
    const milp::ColumnData& column = embedding->model().columns()[j];
    if (column.integer || column.name.starts_with("d_")) continue;
    std::vector<double> moved = clean;
    moved[j] += 0.5;
    EXPECT_GT(embedding->model().violation(moved), 1e-3) << column.name;
    ++checked;
  }
  EXPECT_GT(checked, 20);
}

TEST_P(EveryFormulation, PrunedWeightsAreAbsent) {
  const Problem dense = random_problem({20, 8, 8, 4}, 8, 1.0);
  const Problem sparse = random_problem({20, 8, 8, 4}, 8, 1.0, 0.8);
  const auto dense_embedding = build(GetParam(), dense), sparse_embedding = build(GetParam(), sparse);
  EXPECT_LT(sparse_embedding->size().nonzeros, dense_embedding->size().nonzeros);
  for (const milp::RowData& row : sparse_embedding->model().rows()) {
    for (const milp::Term& term : row.terms) EXPECT_NE(term.coefficient, 0.0) << row.name;
  }
}

TEST_P(EveryFormulation, RefusesWhatDoesNotFitTogether) {
  const Problem problem = random_problem({6, 4, 3}, 1, 0.5);
  const problem::Region region = problem.region();
  const bounds::Bounds good = bounds::make_interval()->compute(problem.network, region);
  const auto refusal = [&](const bounds::Bounds& bounds, const nn::Objective& objective) {
    try {
      make_formulation(GetParam())->build({.network = problem.network, .region = region, .objective = objective, .bounds = bounds});
    } catch (const base::Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const nn::Objective objective = nn::targeted(3, 0, 1);
  EXPECT_EQ(refusal(good, objective), "accepted");
  EXPECT_THAT(refusal(good, {}), ::testing::HasSubstr("objective: expected at least one function of the outputs, found none"));
  EXPECT_THAT(refusal(good, nn::targeted(4, 0, 3)),
              ::testing::HasSubstr("expected 3 coefficients (the network's outputs) in function 0, found 4"));
  EXPECT_THAT(refusal({}, objective), ::testing::HasSubstr("expected bounds of 2 layers, found 0"));
  bounds::Bounds crossed = good;
  std::swap(crossed.layers[0].lower, crossed.layers[0].upper);
  EXPECT_THAT(refusal(crossed, objective), ::testing::HasSubstr("expected finite lower <= upper"));
  bounds::Bounds infinite = good;
  infinite.layers[1].upper[0] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal(infinite, objective), ::testing::HasSubstr("bounds of layer 1, neuron 0"));
  EXPECT_THROW(build(GetParam(), problem)->complete(Eigen::VectorXd::Zero(5)), base::Error);
}

TEST(Formulations, AnUnknownNameIsRefusedWithASuggestion) {
  try {
    make_formulation("bigm");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "formulation: expected one of big-m-literal, big-m, big-m-split, found 'bigm' (did you mean 'big-m'?)");
  }
}

TEST(Formulations, EndSoonAfterTheirBudgetIsSpent) {
  const Problem problem = random_problem({20, 8, 8, 4}, 1, 1.0);
  const problem::Region region = problem.region();
  const bounds::Bounds bounds = bounds::make_interval()->compute(problem.network, region);
  for (const std::string& name : formulation_names()) {
    for (const int most : {0, 1, 9, 1000}) {
      int looks = 0;
      const auto embedding = make_formulation(name)->build({.network = problem.network,
                                                            .region = region,
                                                            .objective = problem.objective(),
                                                            .bounds = bounds,
                                                            .budget = base::Budget(milp::infinity, [&] { return ++looks > most; })});
      EXPECT_EQ(embedding != nullptr, most == 1000) << name;
      EXPECT_EQ(looks, most == 1000 ? 16 : most + 1) << name;  // once per neuron
    }
  }
}

}  // namespace
}  // namespace espalier::embed
