#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "espalier/base/error.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/stages/stages.hpp"
#include "problem/reference.hpp"

namespace espalier::stages {
namespace {

using task::StageResult;

task::Parameters solve_of(const std::string& problem) {
  task::Parameters p{
      {"file", espalier::testing::reference_file().string()}, {"problem", problem}, {"round_weights", false}, {"log", false}};
  for (const task::Field& field : engine::settings_record().parameters("solve_"))
    if (field.default_value) p.set(field.name, *field.default_value);
  return p;
}

StageResult run(const std::string& kind, task::Parameters parameters, const task::StageContext& context = {}) {
  const task::StageRegistry stages = make_problem_file_stages();
  return stages.find(kind).run({.spec = {.kind = kind, .parameters = std::move(parameters)}}, context);
}

TEST(ProblemFileStages, AListHasTheNamesInOrder) {
  const std::string names = run("list_problems", {{"file", espalier::testing::reference_file().string()}}).values.text("names");
  EXPECT_THAT(names, ::testing::StartsWith("fashion_14_2x16_0/"));
  EXPECT_EQ(std::count(names.begin(), names.end(), '/'), 16);
}

TEST(ProblemFileStages, ASolveHasItsOptimumInTheColumnsItDeclares) {
  const StageResult result = run("solve_problem", solve_of("mnist_14_2x16_0"));
  EXPECT_NEAR(result.values.real("verified_objective"), *espalier::testing::reference_problem("mnist_14_2x16_0").optimum, 1e-5);
  EXPECT_EQ(result.values.text("solve_status"), "optimal");
  EXPECT_FALSE(result.values.contains("weight_rounding"));
  const task::StageRegistry stages = make_problem_file_stages();
  for (const auto& [name, value] : result.values.map()) {
    const task::Field* column = task::find_field(stages.find("solve_problem").columns(), name);
    ASSERT_NE(column, nullptr) << name;
    EXPECT_EQ(task::type_of(value), column->type) << name;
  }
}

TEST(ProblemFileStages, WhatIsVerifiedIsPublishedBeforeTheEnd) {
  std::vector<StageResult> published;
  run("solve_problem", solve_of("fashion_14_2x16_0"), {.publish = [&](const StageResult& result) { published.push_back(result); }});
  ASSERT_GE(published.size(), 2u);
  EXPECT_EQ(published.front().values.text("solve_reason"), "running");
  EXPECT_TRUE(published[1].values.contains("verified_objective")) << "the clean input";
}

TEST(ProblemFileStages, ASolveThatIsAskedToStopGivesItsTaskBackUnlessALimitAsks) {
  EXPECT_THROW(run("solve_problem", solve_of("mnist_18_2x32_0"), {.stop_requested = [] { return true; }}), task::StageStopped);
  const StageResult limited =
      run("solve_problem", solve_of("mnist_18_2x32_0"), {.stop_requested = [] { return true; }, .limit_reached = [] { return "time"; }});
  EXPECT_EQ(limited.values.text("solve_limit"), "time");
}

TEST(ProblemFileStages, AFileThatIsGoneFailsItsProblemsAndDoesNotEndTheRun) {
  task::Parameters p = solve_of("mnist_14_2x16_0");
  p.set("file", std::string("/nowhere/problems.h5"));
  try {
    run("solve_problem", p);
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("No such file or directory"));
  }
}

TEST(ProblemFileStages, WhatIsWrongWithAProblemIsAnError) {
  try {
    run("solve_problem", solve_of("mnist_14_2x16_1"));
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("expected a problem called 'mnist_14_2x16_1' (did you mean"));
  }
}

}  // namespace
}  // namespace espalier::stages
