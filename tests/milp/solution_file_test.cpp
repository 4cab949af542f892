// Solution files as Cbc 2.10.8 and GLPK 5.0 wrote them.
#include "milp/external/solution_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/base/error.hpp"

namespace espalier::milp {
namespace {

using ::testing::ElementsAre;

Model three_columns() {
  Model model;
  model.add_column({.lower = 0, .upper = 5.0 / 3});
  model.add_column({.lower = -10, .upper = 10, .integer = true});
  model.add_column({.lower = 0, .upper = 9});
  return model;
}

SolutionFile parse(const std::string& content, const std::string& output = "") { return parse_solution(three_columns(), content, output); }

TEST(SolutionFile, CbcOptimal) {
  // Eight digits: 1.6666667 is above the bound 5/3 and is clipped; the column that is missing is 0.
  const SolutionFile file = parse(
      "Optimal - objective value -20.80000000\n"
      "      0 c0             1.6666667                       0\n"
      "      1 c1                    -6                    -3.6\n"
      "      3 constant               1                     -10\n");
  EXPECT_EQ(file.termination.reason, Reason::optimal);
  EXPECT_THAT(*file.x, ElementsAre(5.0 / 3, -6, 0));
  EXPECT_EQ(file.objective, -20.8);
}

TEST(SolutionFile, CbcStarsMarkInfeasibleValuesAndAreRead) {
  const SolutionFile file = parse("Stopped on iterations - objective value 1\n**    0 c0    3.5   0\n      1 c1    1.99999999   0\n");
  EXPECT_EQ(file.termination.reason, Reason::limit);
  EXPECT_EQ(file.termination.limit, Limit::iterations);
  EXPECT_THAT(*file.x, ElementsAre(3.5, 2, 0));  // 3.5 is left alone: no rounding made that
}

TEST(SolutionFile, CbcStatuses) {
  const auto reason = [](const std::string& status) {
    return std::string(to_string(parse(status + " - objective value 0.00000000\n").termination.reason));
  };
  EXPECT_EQ(reason("Optimal (within gap tolerance)"), "optimal");
  EXPECT_EQ(reason("Infeasible"), "infeasible");
  EXPECT_EQ(reason("Integer infeasible"), "infeasible");
  EXPECT_EQ(reason("Unbounded"), "unbounded");
  EXPECT_EQ(reason("Stopped on time"), "limit");
  EXPECT_EQ(reason("Stopped on difficulties"), "error");
  EXPECT_EQ(reason("Stopped on ctrl-c"), "error");
  EXPECT_FALSE(parse("Infeasible - objective value 5\n** 0 c0 5 0\n").x);
  EXPECT_FALSE(parse("Unbounded - objective value 5\n 0 c0 5 0\n").x);
  EXPECT_FALSE(parse("Stopped on time (no integer solution - continuous used) - objective value 5\n 0 c0 1 0\n").x);
}

TEST(SolutionFile, GlpkInteger) {
  const SolutionFile file =
      parse("c Problem:    espalier\nc Rows:       2\nc\ns mip 2 4 o -0.8\ni 1 0.25\ni 2 -4\nj 1 1.5\nj 2 -3\nj 3 1e-09\nj 4 1\ne o f\n");
  EXPECT_EQ(file.termination.reason, Reason::optimal);
  EXPECT_THAT(*file.x, ElementsAre(1.5, -3, 1e-9));
  EXPECT_EQ(file.objective, -0.8);
}

TEST(SolutionFile, GlpkBasic) {
  const SolutionFile file = parse("c Status: OPTIMAL\nc\ns bas 1 3 f f 2.5\ni 1 b 4 0\nj 1 b 0.5 0\nj 2 l -10 1\nj 3 u 9 -2\ne o f\n");
  EXPECT_EQ(file.termination.reason, Reason::optimal);
  EXPECT_THAT(*file.x, ElementsAre(0.5, -10, 9));
  EXPECT_EQ(file.objective, 2.5);
}

TEST(SolutionFile, GlpkStatuses) {
  const auto mip = [](const std::string& letter, const std::string& output = "") {
    return parse("s mip 0 3 " + letter + " 0\nj 1 0\ne o f\n", output).termination;
  };
  EXPECT_EQ(mip("n").reason, Reason::infeasible);
  EXPECT_EQ(mip("f").reason, Reason::limit);
  EXPECT_EQ(mip("u", "TIME LIMIT EXCEEDED; SEARCH TERMINATED").limit, Limit::time);
  EXPECT_EQ(mip("u", "PROBLEM HAS NO PRIMAL FEASIBLE SOLUTION").reason, Reason::infeasible);
  EXPECT_EQ(mip("u", "LP RELAXATION HAS NO DUAL FEASIBLE SOLUTION").reason, Reason::unbounded);
  EXPECT_EQ(mip("u", "something else").reason, Reason::error);
  const auto basic = [](const std::string& letters) { return parse("s bas 0 3 " + letters + " 0\nj 1 b 0 0\ne o f\n").termination.reason; };
  EXPECT_EQ(basic("n u"), Reason::infeasible);
  EXPECT_EQ(basic("f n"), Reason::unbounded);
  EXPECT_EQ(basic("u u"), Reason::error);
}

TEST(SolutionFile, DamagedFilesAreRefused) {
  for (const char* content :
       {"", "\n", "hello\n", "s mip\ne o f\n", "s mip 1 1 o 0\nj 1\ne o f\n", "s mip 1 1 o 0\nj 1 x\ne o f\n", "c\nfoo\ne o f\n",
        "s xyz 1 1 o 0 0\ne o f\n", "c only comments\ne o f\n", "Optimal - objective value 1\n 0 c0\n"})
    EXPECT_THROW(parse(content), base::Error) << content;
}

}  // namespace
}  // namespace espalier::milp
