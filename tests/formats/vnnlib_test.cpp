#include "espalier/formats/vnnlib.hpp"

#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"

namespace espalier::formats {
namespace {

using problem::Property;
using testing::HasSubstr;

std::string declarations(int inputs, int outputs) {
  std::string text;
  for (int k = 0; k < inputs; ++k) text += fmt::format("(declare-const X_{} Real)\n", k);
  for (int k = 0; k < outputs; ++k) text += fmt::format("(declare-const Y_{} Real)\n", k);
  return text;
}

/// Two inputs in [0,1] and three outputs, then these lines, the first of which is line 7.
std::string two_by_three(const std::string& assertions) {
  return declarations(2, 3) + "(assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1)))\n" + assertions + "\n";
}

Property parse(const std::string& text) { return parse_vnnlib(text, "p"); }

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parse(text));
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    return error.what();
  }
  return "accepted";
}

Eigen::VectorXd vector(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(), static_cast<Eigen::Index>(values.size()));
}

TEST(Vnnlib, ReadsABoxAndOneConstraint) {
  const Property property = parse(two_by_three("(assert (<= Y_0 Y_2))"));
  EXPECT_EQ(property.inputs, 2);
  EXPECT_EQ(property.outputs, 3);
  ASSERT_EQ(property.boxes.size(), 1U);
  EXPECT_EQ(property.boxes[0].box.lower, vector({0, 0}));
  EXPECT_EQ(property.boxes[0].box.upper, vector({1, 1}));
  ASSERT_EQ(property.boxes[0].unsafe.size(), 1U);
  ASSERT_EQ(property.boxes[0].unsafe[0].size(), 1U);
  EXPECT_EQ(property.boxes[0].unsafe[0][0].coefficients, vector({-1, 0, 1})) << "Y_0 <= Y_2 is Y_2 - Y_0 >= 0";
}

TEST(Vnnlib, AssertionsHoldTogether) {
  const Property property = parse(two_by_three("(assert (>= Y_0 3.5))\n(assert (or (and (<= Y_1 Y_0)) (and (<= Y_2 Y_0) (<= Y_2 Y_1))))"));
  ASSERT_EQ(property.boxes.size(), 1U);
  ASSERT_EQ(property.boxes[0].unsafe.size(), 2U);
  EXPECT_EQ(property.boxes[0].unsafe[0].size(), 2U);
  EXPECT_EQ(property.boxes[0].unsafe[1].size(), 3U);
  EXPECT_EQ(property.boxes[0].unsafe[0][0].constant, -3.5);
}

TEST(Vnnlib, UnionsOfBoxesMultiplyTheDisjunctions) {
  const Property property = parse(declarations(1, 2) +
                                  "(assert (or (and (<= X_0 1) (>= X_0 0)) (and (<= X_0 5) (>= X_0 4))))\n"
                                  "(assert (or (<= Y_0 Y_1) (>= Y_0 7)))\n");
  ASSERT_EQ(property.boxes.size(), 2U) << "as ACAS Xu property 6";
  EXPECT_EQ(property.boxes[0].unsafe.size(), 2U);
  EXPECT_EQ(property.boxes[1].box.lower, vector({4}));
  EXPECT_EQ(property.boxes[1].unsafe.size(), 2U);
}

TEST(Vnnlib, AlternativesWithoutCommonPointsFallAway) {
  const std::string text =
      declarations(1, 1) + "(assert (or (and (<= X_0 1) (>= X_0 0)) (and (<= X_0 5) (>= X_0 4))))\n(assert (>= Y_0 0))\n";
  EXPECT_EQ(parse(text + "(assert (or (<= X_0 2) (<= X_0 0.5)))").boxes.size(), 2U) << "[0,1] twice, narrowed once; [4,5] never";
  EXPECT_THAT(refusal(text + "(assert (or (<= X_0 -2) (<= X_0 -3)))"), HasSubstr("found boxes without common points"));
}

TEST(Vnnlib, ABoxWithATypingErrorIsNotLeftOut) {
  const std::string outputs = "(assert (or (>= Y_0 0) (<= Y_0 -1)))";
  const std::string text = declarations(1, 1) + "(assert (or (and (<= X_0 1) (>= X_0 0)) (and (<= X_0 5) (>= X_0 6))))\n";
  EXPECT_EQ(refusal(text + outputs), "p:3: expected a lower bound of X_0 up to its upper one, found 6 above 5")
      << "also where other disjunctions make combinations without points legal";
}

TEST(Vnnlib, DisjunctionsInsideAConjunctionAreCombined) {
  const Property property =
      parse(declarations(1, 1) +
            "(assert (and (or (and (<= X_0 1) (>= X_0 0)) (and (<= X_0 5) (>= X_0 4))) (or (<= X_0 0.5) (>= X_0 4.5)) "
            "(>= Y_0 0)))");
  ASSERT_EQ(property.boxes.size(), 2U);
  EXPECT_EQ(property.boxes[0].box.upper, vector({0.5}));
  EXPECT_EQ(property.boxes[1].box.lower, vector({4.5}));
}

TEST(Vnnlib, NumbersOutOfRangeAreNoneOrZero) {
  const auto property_of = [](const std::string& word) { return two_by_three("(assert (>= Y_1 " + word + "))"); };
  const auto value_of = [&](const std::string& word) { return -parse(property_of(word)).boxes[0].unsafe[0][0].constant; };
  const std::string zeros(400, '0');
  const std::vector<std::string> small{"0." + zeros + "1", "1e-400", "-0." + zeros + "1e5", "0.1" + zeros + "e-320",
                                       "1e-99999999999999999999"};
  for (const std::string& word : small) EXPECT_NEAR(value_of(word), 0, 1e-307) << word;
  const std::vector<std::string> large{"1" + zeros + ".5", "1" + zeros + "e-10",    "-1" + zeros,
                                       "0.1e+400",         "1e9223372036854775807", "1e99999999999999999999"};
  for (const std::string& word : large)
    EXPECT_THAT(refusal(property_of(word)), HasSubstr("expected a number that float64 holds")) << word.substr(0, 9);
  EXPECT_EQ(value_of("1" + zeros + "e-400"), 1);
}

TEST(Vnnlib, APropertyThatNoMemoryHoldsIsRefused) {
  std::string text = declarations(1, 20000) + "(assert (and (<= X_0 1) (>= X_0 0)))\n";
  for (int k = 0; k < 20000; ++k) text += "(assert (<= Y_0 1))\n";
  EXPECT_THAT(refusal(text), HasSubstr("expected a property of at most 200000000 numbers, found a larger one"));
}

TEST(Vnnlib, NumbersInAllSpellings) {
  for (const auto& [word, value] : std::vector<std::pair<std::string, double>>{{"1", 1},
                                                                               {"1.0", 1},
                                                                               {".5", 0.5},
                                                                               {"5.", 5},
                                                                               {"-0.25", -0.25},
                                                                               {"+3", 3},
                                                                               {"1e-3", 1e-3},
                                                                               {"2.5E+2", 250},
                                                                               {"(- 4)", -4},
                                                                               {"(- 4 1.5)", 2.5},
                                                                               {"(+ 1 2 3)", 6},
                                                                               {"(* 2 (- 3))", -6},
                                                                               {"1e-400", 0},
                                                                               {"0.1", 0.1}}) {
    const Property property = parse(two_by_three("(assert (>= Y_1 " + word + "))"));
    EXPECT_EQ(property.boxes[0].unsafe[0][0].constant, -value) << word;
  }
}

TEST(Vnnlib, LinearTermsOnBothSides) {
  const Property property = parse(two_by_three("(assert (<= (+ (* 2 Y_0) (- Y_1) 1) (- Y_2 (* Y_0 0.5) 4)))"));
  const nn::OutputFunction& function = property.boxes[0].unsafe[0][0];
  EXPECT_EQ(function.coefficients, vector({-2.5, 1, 1}));
  EXPECT_EQ(function.constant, -5);
}

TEST(Vnnlib, BoundsWithFactorsAreRoundedOutward) {
  const Property property = parse(
      declarations(2, 1) + "(assert (and (<= (* 3 X_0) 1) (>= (* 3 X_0) -1) (<= (* -2 X_1) 1) (>= 8 (* 4 X_1))))\n(assert (>= Y_0 0))");
  const problem::Box& box = property.boxes[0].box;
  EXPECT_GE(std::fma(3, box.upper(0), -1), 0) << "at least a third";
  EXPECT_LT(std::fma(3, std::nextafter(box.upper(0), 0.0), -1), 0) << "and no more than needed";
  EXPECT_EQ(box.lower(0), -box.upper(0));
  EXPECT_EQ(box.lower(1), -0.5);
  EXPECT_EQ(box.upper(1), 2);
}

TEST(Vnnlib, CommentsAndOrderOfDeclarationsDoNotCount) {
  EXPECT_EQ(parse("; Y first (not closed\n(declare-const Y_0 Real) (declare-const X_0 Real)(assert(and(<= X_0 1)(>= X_0 0)(<= 0 Y_0)));end")
                .boxes.size(),
            1U);
}

/// A formula and what it says, by evaluating the text itself: nothing of the reader is used.
struct Formula {
  std::string text;
  std::function<bool(const Eigen::VectorXd& x, const Eigen::VectorXd& y)> holds;
};

Formula random_formula(base::RandomStream& random, int depth) {
  if (depth == 0 || random.uniform() < 0.3) {
    const auto a = static_cast<double>(random.below(5)) - 2.0, b = static_cast<double>(random.below(9)) - 4.0;
    const auto i = static_cast<Eigen::Index>(random.below(3)), j = (i + 1) % 3;
    if (random.uniform() < 0.3) {
      const double bound = static_cast<double>(random.below(7)) / 4 - 0.25;
      return {fmt::format("(>= X_0 {})", bound), [=](const auto& x, const auto&) { return x(0) >= bound; }};
    }
    return {fmt::format("(<= (+ Y_{} (* {} Y_{})) {})", i, a, j, b), [=](const auto&, const auto& y) { return y(i) + a * y(j) <= b; }};
  }
  const bool conjunction = random.uniform() < 0.5;
  Formula left = random_formula(random, depth - 1), right = random_formula(random, depth - 1);
  return {fmt::format("({} {} {})", conjunction ? "and" : "or", left.text, right.text), [=](const auto& x, const auto& y) {
            return conjunction ? left.holds(x, y) && right.holds(x, y) : left.holds(x, y) || right.holds(x, y);
          }};
}

TEST(Vnnlib, DisjunctiveFormSaysWhatTheFormulasSay) {
  base::RandomStream random(20, "formulas");
  int unsafe = 0, compared = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const Formula first = random_formula(random, 3), second = random_formula(random, 2);
    // Without outputs, or with boxes that one disjunction empties, a property is refused; these have neither.
    const std::string text =
        two_by_three("(assert " + first.text + ")\n(assert " + second.text +
                     ")\n(assert (>= Y_0 -100))\n(assert (or (<= X_1 1) (<= X_1 2)))\n(assert (or (<= X_1 1) (<= X_1 3)))");
    Property property;
    try {
      property = parse(text);
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::AnyOf(HasSubstr("without common points"), HasSubstr("above"))) << text;
      continue;
    }
    for (int sample = 0; sample < 50; ++sample) {
      const Eigen::VectorXd x = vector({static_cast<double>(random.below(5)) / 4, 0.5});
      const Eigen::VectorXd y = vector({static_cast<double>(random.below(11)) - 5.0, static_cast<double>(random.below(11)) - 5.0,
                                        static_cast<double>(random.below(11)) - 5.0});
      const bool expected = first.holds(x, y) && second.holds(x, y);
      EXPECT_EQ(margin(property, x, y) >= 0, expected) << text;
      unsafe += expected;
      ++compared;
    }
  }
  EXPECT_GT(compared, 5000);
  EXPECT_GT(unsafe, compared / 20);
  EXPECT_LT(unsafe, compared * 19 / 20);
}

struct Refusal {
  std::string name, text, sentence;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class VnnlibRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(VnnlibRefuses, NamingLineExpectationAndFinding) { EXPECT_EQ(refusal(GetParam().text), GetParam().sentence); }

INSTANTIATE_TEST_SUITE_P(
    Kinds, VnnlibRefuses,
    testing::Values(
        Refusal{"MissingParenthesis", two_by_three("(assert (<= Y_0 Y_1)"),
                "p:8: expected ')' for the '(' of line 7, found the end of the file"},
        Refusal{"TooManyParentheses", two_by_three("(assert (<= Y_0 Y_1)))"), "p:7: expected '(' or the end, found ')' without partner"},
        Refusal{"WordOutside", two_by_three("assert"), "p:7: expected '(', found 'assert'"},
        Refusal{"UnknownStatement", two_by_three("(check-sat)"),
                "p:7: expected (declare-const ...) or (assert ...), found '(check-sat ...)'"},
        Refusal{"Undeclared", two_by_three("(assert (<= Y_0 Y_3))"), "p:7: expected a variable that was declared, found 'Y_3'"},
        Refusal{"UnknownWord", two_by_three("(assert (<= Y_0 y_1))"), "p:7: expected a declared variable or a decimal number, found 'y_1'"},
        Refusal{"DeclaredTwice", two_by_three("(declare-const X_1 Real)"),
                "p:7: expected each variable declared once, found X_1 again, first declared in line 2"},
        Refusal{"AnotherType", "(declare-const X_0 Int)", "p:1: expected the type Real, found 'Int'"},
        Refusal{"AnotherName", "(declare-const a Real)",
                "p:1: expected X_0, X_1, ... for an input or Y_0, Y_1, ... for an output, found 'a'"},
        Refusal{"AGapOfVariables", "(declare-const X_0 Real)\n(declare-const X_2 Real)",
                "p:2: expected X_1 declared as well, found X_2 without it"},
        Refusal{"NoOutputs", "(declare-const X_0 Real)", "p: expected a declaration of Y_0, found none"},
        Refusal{"Empty", "", "p: expected a declaration of X_0, found none"},
        Refusal{"EmptyDisjunction", two_by_three("(assert (or))"), "p:7: expected formulas behind 'or', found none"},
        Refusal{"EmptyAssertion", two_by_three("(assert)"), "p:7: expected one formula in (assert ...), found 0"},
        Refusal{"Equality", two_by_three("(assert (= Y_0 1))"), "p:7: expected (<= ...), (>= ...), (and ...) or (or ...), found '(= ...)'"},
        Refusal{"Product", two_by_three("(assert (<= (* Y_0 Y_1) 1))"), "p:7: expected a linear term, found a product of variables"},
        Refusal{"SeveralInputs", two_by_three("(assert (<= X_0 X_1))"),
                "p:7: expected a constraint of one input, or of outputs, found one of several inputs"},
        Refusal{"Mixed", two_by_three("(assert (<= X_0 Y_1))"),
                "p:7: expected a constraint of one input, or of outputs, found one of inputs and outputs"},
        Refusal{"NoVariables", two_by_three("(assert (<= Y_0 Y_0))"),
                "p:7: expected a constraint of inputs or of outputs, found one without variables"},
        Refusal{"LowerAboveUpper", two_by_three("(assert (<= Y_0 1))\n(assert (>= X_1 2))"),
                "p:8: expected a lower bound of X_1 up to its upper one, found 2 above 1"},
        Refusal{"NoUpperBound", declarations(1, 1) + "(assert (>= X_0 0))\n(assert (<= Y_0 0))",
                "p:4: expected a lower and an upper bound of X_0, found no upper one"},
        Refusal{"InputsAlone", two_by_three(""), "p:6: expected a constraint of outputs, found constraints of inputs alone"},
        Refusal{"TooLarge", two_by_three("(assert (<= Y_0 1e400))"), "p:7: expected a number that float64 holds, found '1e400'"},
        Refusal{"NotANumber", two_by_three("(assert (<= Y_0 nan))"), "p:7: expected a declared variable or a decimal number, found 'nan'"},
        Refusal{"Deep", two_by_three("(assert " + std::string(300, '(')), "p:7: expected lists less than 256 deep, found a deeper one"}),
    [](const auto& of) { return of.param.name; });

TEST(Vnnlib, AMillionConstraintsAreEnough) {
  std::string text = two_by_three("");
  for (int k = 0; k < 20; ++k) text += "(assert (or (<= Y_0 1) (<= Y_1 1) (<= Y_2 1)))\n";
  EXPECT_THAT(refusal(text), HasSubstr("expected at most 1000000 constraints in disjunctive form, found more"));
}

TEST(Vnnlib, FilesMayBeGzipped) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / fmt::format("espalier-vnnlib-{}.gz", ::getpid());
  const std::string text = two_by_three("(assert (<= Y_0 Y_2))");
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  gzclose(file);
  EXPECT_EQ(read_vnnlib(path).outputs, 3);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  EXPECT_THROW(static_cast<void>(read_vnnlib(path)), base::Error) << "a truncated stream";
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace espalier::formats
