// Model: values, violations and refusals; MPS: what is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "espalier/base/error.hpp"
#include "espalier/milp/mps.hpp"

namespace espalier::milp {
namespace {

using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Model example() {
  Model model;
  const Column x = model.add_column({.lower = -1, .upper = 4, .name = "x"});
  const Column n = model.add_column({.lower = 0, .upper = 10, .integer = true, .name = "n"});
  const Column b = model.add_binary("b");
  model.add_row({.lower = 1, .upper = 6, .terms = {{x, 2}, {n, 1}}, .name = "range"});
  model.add_row({.upper = 3, .terms = {{n, 1}, {b, -2}}, .name = "coupling"});
  model.set_objective(Sense::maximise, {{x, 1.5}, {n, -1}}, 0.25);
  return model;
}

void expect_refused(const Model& model, const std::string& sentence) {
  try {
    model.check();
    FAIL() << "accepted, expected a refusal with: " << sentence;
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr(sentence));
  }
}

TEST(Model, CountsAndValues) {
  const Model model = example();
  EXPECT_EQ(model.nonzeros(), 4U);
  EXPECT_EQ(model.integer_columns(), 2U);
  EXPECT_DOUBLE_EQ(model.objective_value({2, 3, 1}), 0.25 + 3 - 3);
}

TEST(Model, ViolationIsTheLargestOfBoundsRowsAndIntegrality) {
  const Model model = example();
  EXPECT_EQ(model.violation({1, 2, 1}), 0);
  EXPECT_DOUBLE_EQ(model.violation({-1.5, 4, 1}), 0.5);   // bound of x; 2 x + n = 1 holds
  EXPECT_DOUBLE_EQ(model.violation({4, 0, 0}), 2);        // 8 > 6
  EXPECT_DOUBLE_EQ(model.violation({-1, 0, 0}), 3);       // -2 < 1
  EXPECT_DOUBLE_EQ(model.violation({1, 2.25, 1}), 0.25);  // integrality of n
  EXPECT_DOUBLE_EQ(model.violation({0, 5, 0.75}), 0.5);   // 5 - 1.5 > 3 is worse than b's 0.25
  EXPECT_EQ(model.violation({nan, 2, 1}), infinity);
  EXPECT_EQ(model.violation({1, infinity, 1}), infinity);
}

TEST(Model, APointOfTheWrongSizeIsRefused) {
  EXPECT_THROW(example().violation({1, 2}), base::Error);
  EXPECT_THROW(example().objective_value({1, 2, 3, 4}), base::Error);
}

TEST(Model, CheckAcceptsTheExampleAndTheEmptyModel) {
  EXPECT_NO_THROW(example().check());
  EXPECT_NO_THROW(Model().check());
}

TEST(Model, CheckNamesTheBadColumn) {
  Model model = example();
  model.add_column({.lower = 2, .upper = 1, .name = "crossed"});
  expect_refused(model, "column 3 ('crossed'): bounds are crossed");
  model = example();
  model.add_column({.lower = nan, .upper = 1, .name = "bad"});
  expect_refused(model, "column 3 ('bad'): bounds must be numbers");
  model = example();
  model.add_column({.lower = 0.25, .upper = 0.75, .integer = true, .name = "gap"});
  expect_refused(model, "column 3 ('gap'): an integer between its bounds");
  model = example();
  model.add_column({.lower = infinity, .upper = infinity, .name = "far"});
  expect_refused(model, "a lower bound below +infinity");
}

TEST(Model, CheckNamesTheBadRow) {
  Model model = example();
  model.add_row({.lower = 3, .upper = 2, .name = "r"});
  expect_refused(model, "row 2 ('r'): bounds are crossed");
  model = example();
  model.add_row({.upper = 2, .terms = {{Column{3}, 1}}, .name = "r"});
  expect_refused(model, "row 2 ('r'): column indices from 0 to 2 are expected, found 3");
  model = example();
  model.add_row({.upper = 2, .terms = {{Column{-1}, 1}}, .name = "r"});
  expect_refused(model, "found -1");
  model = example();
  model.add_row({.upper = 2, .terms = {{Column{1}, nan}}, .name = "r"});
  expect_refused(model, "row 2 ('r'): finite coefficients are expected, found nan at column 1 ('n')");
  model = example();
  model.add_row({.upper = 2, .terms = {{Column{1}, 1}, {Column{0}, 1}, {Column{1}, 1}}, .name = "r"});
  expect_refused(model, "found column 1 ('n') twice");
}

TEST(Model, CheckNamesTheBadObjective) {
  Model model = example();
  model.set_objective(Sense::minimise, {{Column{0}, infinity}});
  expect_refused(model, "objective: finite coefficients are expected");
  model.set_objective(Sense::minimise, {}, nan);
  expect_refused(model, "objective: a finite constant is expected");
}

TEST(Mps, TheWholeFile) {
  Model model = example();
  model.add_column({.lower = -infinity, .upper = infinity, .name = "no entries"});
  model.add_row({.terms = {{Column{0}, 1}}, .name = "free, left out"});
  model.add_row({.lower = -7, .terms = {{Column{0}, 1.0 / 3}}});
  model.add_row({.lower = 2, .upper = 2, .terms = {{Column{3}, 1e-30}}});
  std::ostringstream out;
  write_mps(model, out);
  EXPECT_EQ(out.str(), R"(NAME espalier FREE
ROWS
 N obj
 L r0
 L r1
 G r3
 E r4
COLUMNS
 c0 obj -1.5
 c0 r0 2
 c0 r3 0.3333333333333333
 m0 'MARKER' 'INTORG'
 c1 obj 1
 c1 r0 1
 c1 r1 1
 c2 r1 -2
 m1 'MARKER' 'INTEND'
 c3 r4 1e-30
 constant obj -0.25
RHS
 rhs r0 6
 rhs r1 3
 rhs r3 -7
 rhs r4 2
RANGES
 rng r0 5
BOUNDS
 LO bnd c0 -1
 UP bnd c0 4
 LO bnd c1 0
 UP bnd c1 10
 LO bnd c2 0
 UP bnd c2 1
 FR bnd c3
 FX bnd constant 1
ENDATA
)");
}

TEST(Mps, ColumnNames) {
  EXPECT_EQ(mps_column("c0"), 0);
  EXPECT_EQ(mps_column("c123"), 123);
  for (const char* other : {"constant", "c", "r1", "c1x", "c-1", "", "1"}) EXPECT_EQ(mps_column(other), -1) << other;
}

TEST(Mps, AnUnwritableFileIsNamed) {
  try {
    write_mps_file(example(), "/nonexistent/model.mps");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'/nonexistent/model.mps'"));
  }
}

}  // namespace
}  // namespace espalier::milp
