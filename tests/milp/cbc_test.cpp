// What only the Cbc back end promises: node limits, determinism, incumbents as they come, silence.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "espalier/base/file.hpp"
#include "espalier/milp/solver.hpp"
#include "milp/cbc/cbc_solver.hpp"
#include "milp/models.hpp"

namespace espalier::milp {
namespace {

using ::testing::HasSubstr;

TEST(Cbc, TheNodeLimitIsReportedWithAValidBound) {
  const Model model = testing::hard_knapsack(40, 10, 1);
  const auto solver = make_cbc_solver();
  const Result whole = solver->solve(model, {});
  ASSERT_EQ(whole.termination.reason, Reason::optimal) << whole.termination.detail;
  ASSERT_GT(whole.nodes, 100);
  const Result part = solver->solve(model, {.node_limit = 100});
  EXPECT_EQ(to_string(part.termination.reason), "limit") << part.termination.detail;
  EXPECT_EQ(to_string(part.termination.limit), "nodes");
  EXPECT_GE(part.nodes, 100);
  EXPECT_LT(part.nodes, 130);
  EXPECT_GE(part.dual_bound, whole.incumbent->objective - 1e-6);
  if (part.incumbent) {
    EXPECT_LE(part.incumbent->objective, whole.incumbent->objective + 1e-6);
  }
}

TEST(Cbc, NodeLimitZeroSolvesTheRootOnly) {
  const Model model = testing::market_split(4, 30, 1);
  const Result result = make_cbc_solver()->solve(model, {.node_limit = 0});
  EXPECT_EQ(to_string(result.termination.limit), "nodes") << result.termination.detail;
  EXPECT_EQ(result.nodes, 0);
  EXPECT_NEAR(result.dual_bound, 0, 1e-6);
}

TEST(Cbc, WithANodeLimitTwoRunsAreEqual) {
  const Model model = testing::market_split(4, 30, 2);
  const auto solver = make_cbc_solver();
  for (const std::uint64_t seed : {0ULL, 7ULL, 1ULL << 40}) {
    const SolveOptions options{.node_limit = 500, .seed = seed};
    const Result first = solver->solve(model, options);
    solver->solve(testing::hard_knapsack(30, 5, 2), {});  // what ran before must not matter
    const Result second = solver->solve(model, options);
    EXPECT_EQ(first.nodes, second.nodes);
    EXPECT_EQ(first.iterations, second.iterations);
    EXPECT_EQ(first.dual_bound, second.dual_bound);
    ASSERT_EQ(first.incumbent.has_value(), second.incumbent.has_value());
    if (first.incumbent) {
      EXPECT_EQ(first.incumbent->x, second.incumbent->x);
    }
  }
}

/// The wish to stop cuts the LP of the moment short. What Cbc makes of a truncated LP must not reach the result.
TEST(Cbc, StoppedAnywhereTheBoundIsStillABound) {
  const Model model = testing::hard_knapsack(40, 10, 1);
  const auto solver = make_cbc_solver();
  const double optimum = solver->solve(model, {}).incumbent->objective;
  int stopped = 0;
  for (int polls = 1; polls < 20000; polls = polls * 3 / 2 + 1) {
    SCOPED_TRACE(polls);
    int left = polls;
    const Result result = solver->solve(model, {.stop_requested = [&] { return --left <= 0; }});
    if (left > 0) break;
    EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
    EXPECT_GE(result.dual_bound, optimum - 1e-6);
    if (result.incumbent) {
      EXPECT_LE(result.incumbent->objective, optimum + 1e-6);
    }
    ++stopped;
  }
  EXPECT_GT(stopped, 5);
}

TEST(Cbc, IncumbentsComeDuringTheSearch) {
  const Model model = testing::market_split(4, 30, 3);
  std::vector<double> seconds;
  SolveOptions options{.time_limit = 2, .on_incumbent = [&](const Incumbent& incumbent) {
                         seconds.push_back(incumbent.seconds);
                         return CallbackAction::proceed;
                       }};
  const Result result = make_cbc_solver()->solve(model, options);
  ASSERT_GE(seconds.size(), 2U) << result.termination.detail;
  EXPECT_LT(seconds.front(), 1.5);
}

TEST(Cbc, AGapStopsEarlierAndTheBoundSaysSo) {
  const Model model = testing::hard_knapsack(40, 5, 3);
  const auto solver = make_cbc_solver();
  const Result exact = solver->solve(model, {});
  const Result rough = solver->solve(model, {.relative_gap = 0.05});
  ASSERT_EQ(rough.termination.reason, Reason::optimal) << rough.termination.detail;
  EXPECT_LT(rough.nodes, exact.nodes);
  EXPECT_GE(rough.dual_bound, exact.incumbent->objective - 1e-6);
  EXPECT_LE(rough.dual_bound - rough.incumbent->objective, 0.05 * std::abs(rough.incumbent->objective) + 1e-6);
}

TEST(Cbc, ATimeLimitThatEndsInTheRootIsATimeLimit) {
  const Result result = make_cbc_solver()->solve(testing::market_split(30, 300, 1), {.time_limit = 1e-4});
  EXPECT_EQ(to_string(result.termination.reason), "limit") << result.termination.detail;
  EXPECT_EQ(to_string(result.termination.limit), "time");
  EXPECT_EQ(result.dual_bound, -infinity);
  EXPECT_LT(result.seconds, 5);
}

TEST(Cbc, ASolveInsideTheCallbackIsRefusedAndTheOuterOneGoesOn) {
  const Model model = testing::hard_knapsack(20, 3, 1);
  const auto solver = make_cbc_solver();
  std::string inner;
  SolveOptions options{.on_incumbent = [&](const Incumbent&) {
    inner = make_cbc_solver()->solve(model, {}).termination.detail;
    return CallbackAction::proceed;
  }};
  EXPECT_EQ(solver->solve(model, options).termination.reason, Reason::optimal);
  EXPECT_THAT(inner, HasSubstr("one Cbc solve at a time"));
  EXPECT_EQ(solver->solve(model, {}).termination.reason, Reason::optimal);
}

TEST(Cbc, OutputGoesToTheLogFileAndTheCallbackMayPrint) {
  const std::filesystem::path log = std::filesystem::temp_directory_path() / fmt::format("espalier-cbc-{}.log", ::getpid());
  std::filesystem::remove(log);
  SolveOptions options{.log_file = log, .on_incumbent = [](const Incumbent&) {
                         std::puts("from the callback");
                         std::fputs("callback's error", stderr);
                         return CallbackAction::proceed;
                       }};
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  std::puts("before");
  make_cbc_solver()->solve(testing::hard_knapsack(20, 3, 1), options);
  std::puts("after");
  const std::string out = ::testing::internal::GetCapturedStdout();
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(out, ::testing::MatchesRegex("before\n(from the callback\n)+after\n"));
  EXPECT_THAT(err, ::testing::StartsWith("callback's error"));
  const std::string content = base::read_file(log);
  EXPECT_THAT(content, HasSubstr("Search completed"));
  EXPECT_THAT(content, ::testing::Not(HasSubstr("callback")));
  std::filesystem::remove(log);
}

TEST(Cbc, WithoutALogFileNothingIsPrinted) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  make_cbc_solver()->solve(testing::hard_knapsack(20, 3, 1), {});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Cbc, AnUnwritableLogFileIsAnError) {
  const Result result = make_cbc_solver()->solve(testing::hard_knapsack(20, 3, 1), {.log_file = "/nonexistent/log"});
  EXPECT_EQ(result.termination.reason, Reason::error);
  EXPECT_THAT(result.termination.detail, HasSubstr("'/nonexistent/log'"));
}

TEST(Cbc, NoFileDescriptorIsLost) {
  const auto open_descriptors = [] {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  };
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5; ++i) make_cbc_solver()->solve(testing::knapsack({3, 4}, {3, 4}, 5), {});
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Cbc, BranchingPrioritiesKeepTheOptimum) {
  const Model plain = testing::hard_knapsack(25, 4, 5);
  Model model;
  for (std::size_t j = 0; j < plain.columns().size(); ++j) {
    ColumnData column = plain.columns()[j];
    column.branching_priority = static_cast<int>(j % 3) - 1;
    model.add_column(column);
  }
  for (const RowData& row : plain.rows()) model.add_row(row);
  model.set_objective(plain.sense(), plain.objective());
  const auto solver = make_cbc_solver();
  EXPECT_NEAR(solver->solve(model, {}).incumbent->objective, solver->solve(plain, {}).incumbent->objective, 1e-6);
}

/// The default is what was found fast; every other setting must be as right.
TEST(Cbc, EverySettingFindsTheOptima) {
  using Cuts = CbcSettings::Cuts;
  std::vector<CbcSettings> all;
  for (const auto member : {&CbcSettings::gomory, &CbcSettings::mixed_integer_rounding, &CbcSettings::two_mir, &CbcSettings::knapsack,
                            &CbcSettings::clique, &CbcSettings::flow_cover, &CbcSettings::probing, &CbcSettings::zero_half})
    for (const Cuts cuts : {Cuts::root, Cuts::automatic}) {
      all.emplace_back();
      all.back().*member = cuts;
    }
  for (const auto member : {&CbcSettings::rounding, &CbcSettings::feasibility_pump, &CbcSettings::rins, &CbcSettings::diving,
                            &CbcSettings::best_bound, &CbcSettings::scaling}) {
    all.emplace_back();
    all.back().*member = !(all.back().*member);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto solver = make_cbc_solver(all[i]);
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
      SCOPED_TRACE(::testing::Message() << "setting " << i << ", model " << seed);
      const Model model = testing::random_model(seed, false);
      const Result result = solver->solve(model, {});
      const auto optimum = testing::enumerate(model);
      ASSERT_EQ(result.incumbent.has_value(), optimum.has_value()) << result.termination.detail;
      if (optimum) {
        EXPECT_NEAR(result.incumbent->objective, *optimum, 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace espalier::milp
