#include "espalier/task/field.hpp"

#include <gmock/gmock.h>

namespace espalier::task {
namespace {

const double infinity = std::numeric_limits<double>::infinity();

TEST(CheckValue, TypesMustMatchExceptIntegersForReals) {
  const Field real{.name = "rate", .type = ValueType::real};
  EXPECT_EQ(check_value(real, 0.5), "");
  EXPECT_EQ(check_value(real, std::int64_t{1}), "");
  EXPECT_EQ(check_value(real, std::string("half")), "expected real, found text 'half'");
  const Field integer{.name = "epochs", .type = ValueType::integer};
  EXPECT_EQ(check_value(integer, 2.0), "expected integer, found real '2'");
  EXPECT_EQ(check_value({.name = "on", .type = ValueType::boolean}, std::int64_t{1}), "expected boolean, found integer '1'");
}

TEST(CheckValue, Ranges) {
  const Field rate{.name = "rate", .minimum = 0, .maximum = 1, .maximum_open = true};
  EXPECT_EQ(check_value(rate, 0.0), "");
  EXPECT_EQ(check_value(rate, 1.0), "expected a value in [0, 1), found 1");
  EXPECT_EQ(check_value(rate, -0.1), "expected a value in [0, 1), found -0.1");
  const Field positive{.name = "width", .type = ValueType::integer, .minimum = 0, .minimum_open = true};
  EXPECT_EQ(check_value(positive, std::int64_t{0}), "expected a value > 0, found 0");
  const Field at_most{.name = "gap", .maximum = 5};
  EXPECT_EQ(check_value(at_most, 6.0), "expected a value <= 5, found 6");
  const Field half_open{.name = "x", .minimum = 0, .maximum = 1, .minimum_open = true};
  EXPECT_EQ(check_value(half_open, 0.0), "expected a value in (0, 1], found 0");
}

TEST(CheckValue, NotANumberIsNeverLegal) {
  const Field any{.name = "x"};
  EXPECT_EQ(check_value(any, std::numeric_limits<double>::quiet_NaN()), "expected a finite number, found nan");
  EXPECT_EQ(check_value(any, infinity), "expected a finite number, found inf");
}

TEST(CheckValue, ListsAreCheckedItemByItem) {
  const Field widths{.name = "widths", .type = ValueType::integer_list, .minimum = 1};
  EXPECT_EQ(check_value(widths, IntegerList{32, 32}), "");
  EXPECT_EQ(check_value(widths, IntegerList{32, -4}), "expected a value >= 1, found -4");
  const Field alphas{.name = "alphas", .type = ValueType::real_list, .minimum = 0, .minimum_open = true};
  EXPECT_EQ(check_value(alphas, RealList{0.1, 1}), "");
  EXPECT_EQ(check_value(alphas, RealList{0.1, 0}), "expected a value > 0, found 0");
}

TEST(CheckValue, Choices) {
  const Field goal{.name = "goal", .type = ValueType::text, .choices = {"optimize", "decide"}};
  EXPECT_EQ(check_value(goal, std::string("decide")), "");
  EXPECT_EQ(check_value(goal, std::string("guess")), "expected one of optimize, decide, found 'guess'");
}

TEST(FindField, ByName) {
  const Schema schema{{.name = "a"}, {.name = "b"}};
  EXPECT_EQ(find_field(schema, "b"), &schema[1]);
  EXPECT_EQ(find_field(schema, "c"), nullptr);
}

}  // namespace
}  // namespace espalier::task
