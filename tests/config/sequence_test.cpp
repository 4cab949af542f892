// Axes that are described instead of written down: range, linspace, logspace, sample, csv.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/config/experiment.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::config {
namespace {

using task::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Experiment parse_sequence(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_experiment(text, "file.yaml", test::surrogate_schema(), overrides);
}

std::string with_axis(const std::string& name, const std::string& values) {
  return "name: t\ngrid: [{product: {" + name + ": " + values + "}}]\n";
}

std::vector<Value> axis(const std::string& name, const std::string& values) {
  return parse_sequence(with_axis(name, values)).root.cases.at(0).product.at(0).values;
}

std::vector<std::int64_t> integers(const std::string& values) {
  std::vector<std::int64_t> all;
  for (const Value& value : axis("train.seed", values)) all.push_back(std::get<std::int64_t>(value));
  return all;
}

std::string axis_refusal(const std::string& values, const std::string& name = "train.seed") {
  try {
    parse_sequence(with_axis(name, values));
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

TEST(Sequence, ARangeIncludesItsLast) {
  EXPECT_THAT(integers("{range: [0, 6, 2]}"), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(integers("{range: [0, 7, 2]}"), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(integers("{range: [6, 1, -3]}"), ElementsAre(6, 3));
  EXPECT_THAT(integers("{range: [4, 4, 1]}"), ElementsAre(4));
  EXPECT_THAT(integers("{range: [1e3, 2e3, 5e2]}"), ElementsAre(1000, 1500, 2000));
}

TEST(Sequence, ARangeOfDecimalsIsWhatOneWouldType) {
  EXPECT_EQ(axis("prune.rate", "{range: [0.1, 0.9, 0.1]}"), axis("prune.rate", "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]"));
  EXPECT_EQ(axis("prune.learning_rate", "{range: [2.5e-3, 1e-2, 25e-4]}"), axis("prune.learning_rate", "[0.0025, 0.005, 0.0075, 0.01]"));
}

TEST(Sequence, LinspaceHasItsEndsAndTheNearestDoublesBetween) {
  EXPECT_EQ(axis("prune.rate", "{linspace: [0.1, 0.9, 9]}"), axis("prune.rate", "{range: [0.1, 0.9, 0.1]}"));
  EXPECT_EQ(axis("prune.rate", "{linspace: [0, 0.7, 8]}"), axis("prune.rate", "[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]"));
  EXPECT_THAT(integers("{linspace: [10, 0, 3]}"), ElementsAre(10, 5, 0));
}

TEST(Sequence, LogspaceIsOverPowersOfTen) {
  EXPECT_EQ(axis("prune.learning_rate", "{logspace: [-4, -1, 4]}"), axis("prune.learning_rate", "[0.0001, 0.001, 0.01, 0.1]"));
  EXPECT_THAT(integers("{logspace: [0, 3, 4]}"), ElementsAre(1, 10, 100, 1000));
  const auto half = axis("prune.learning_rate", "{logspace: [0, 1, 3]}");
  EXPECT_DOUBLE_EQ(std::get<double>(half.at(1)), 3.16227766016837933);
}

TEST(Sequence, ASampleIsOfDifferentIntegersAndGrowsByItsEnd) {
  const auto small = integers("{sample: 20, from: [100, 139], seed: 7}"), large = integers("{from: [100, 139], seed: 7, sample: 40}");
  ASSERT_EQ(large.size(), 40U);
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin())) << "a larger sample keeps the smaller one";
  EXPECT_EQ(std::set<std::int64_t>(large.begin(), large.end()).size(), 40U);
  EXPECT_EQ(*std::min_element(large.begin(), large.end()), 100);
  EXPECT_EQ(*std::max_element(large.begin(), large.end()), 139);
  EXPECT_NE(small, integers("{sample: 20, from: [100, 139], seed: 8}"));
  EXPECT_EQ(integers("{sample: 5, from: [0, 59999]}"), integers("{sample: 5, from: [0, 59999], seed: 0}"));
  EXPECT_THAT(integers("{sample: 3, from: [0, 59999], seed: 0}"), ElementsAre(34191, 35117, 21858)) << "another machine draws the same";
}

TEST(Sequence, EachOfManyIsDrawnAsOftenAsAnyOther) {
  std::vector<int> drawn(10);
  for (int seed = 0; seed < 1000; ++seed)
    for (const std::int64_t i : integers("{sample: 3, from: [0, 9], seed: " + std::to_string(seed) + "}"))
      ++drawn[static_cast<std::size_t>(i)];
  for (const int count : drawn) EXPECT_NEAR(count, 300, 75);  // five standard deviations
}

TEST(Sequence, StandsWhereverAListOfValuesStands) {
  const Experiment e = parse_sequence(
      "name: t\nx-seeds: &seeds {range: [0, 2, 1]}\nexclude: [{train.seed: {range: [1, 2, 1]}, prune.rate: 0.5}]\n"
      "grid: [{product: {train.seed: *seeds}, zip: {prune.rate: {linspace: [0, 0.5, 2]}, prune.seed: [3, 3]}}]\n");
  EXPECT_EQ(e.root.cases.at(0).product.at(0).values.size(), 3U);
  EXPECT_EQ(e.root.cases.at(0).zips.at(0).rows.size(), 2U);
  EXPECT_EQ(e.root.excludes.at(0).any_of.at(0).values.size(), 2U);
  EXPECT_EQ(to_yaml(parse_sequence(to_yaml(e))), to_yaml(e)) << "what was described is written out";
  const Experiment set = parse_sequence("name: t\ngrid: [{}]\n", {"train.seed={range: [0, 9, 1]}"});
  EXPECT_EQ(set.root.cases.at(0).product.at(0).values.size(), 10U);
}

TEST(Sequence, IsRefusedInOneSentence) {
  const std::string at = "file.yaml:2:31: grid[0].product.train.seed: ";
  EXPECT_EQ(axis_refusal("{range: [0, 6]}"), at + "expected range: [first, last, step], three decimal numbers of at most 15 digits");
  EXPECT_EQ(axis_refusal("{range: [0, 6, 0]}"), at + "expected a range with a step, found step 0");
  EXPECT_EQ(axis_refusal("{range: [0, 6, -1]}"), at + "expected a step that leads from 0 to 6, found -1");
  EXPECT_EQ(axis_refusal("{range: [0, 1e14, 1]}"), at + "expected at most 10000000 values, found a range of 100000000000001");
  EXPECT_EQ(axis_refusal("{range: [0, 1e12, 1e-12]}"),
            at + "expected first, last and step of a range that 18 digits can write in one unit");
  EXPECT_EQ(axis_refusal("{range: [0, 6, 1], seed: 3}"), at + "expected range alone, found seed beside it");
  EXPECT_EQ(axis_refusal("{linspace: [0, 1, 1]}"), at + "expected linspace: [a, b, n], two decimal numbers and how many values, 2 or more");
  EXPECT_EQ(axis_refusal("{linspace: [3, 3, 2]}"), at + "expected linspace over two different numbers, found 3 twice");
  EXPECT_EQ(axis_refusal("{logspace: [0, 400, 2]}"), at + "expected powers of ten from -300 to 300, found 0 and 400");
  EXPECT_EQ(axis_refusal("{sample: 5, from: [3, 6]}"), at + "expected a sample of at most 4, as many as there are from 3 to 6, found 5");
  EXPECT_EQ(axis_refusal("{sample: 5, from: [6, 3]}"), at + "expected from: [first, last] in this order, found [6, 3]");
  EXPECT_EQ(axis_refusal("{sample: 5, form: [3, 9]}"),
            at + "expected {sample: n, from: [first, last], seed: s}, all of them integers, n and s not negative");
  EXPECT_EQ(axis_refusal("{csv: seeds.csv}"), at + "csv holds the columns of a zip: expected zip: {csv: FILE}, or a list of values here");
  EXPECT_THAT(axis_refusal("{linspace: [0, 1, 3]}"), HasSubstr("grid[0].product.train.seed[1]: expected integer >= 0, found '0.5'"));
  EXPECT_THAT(axis_refusal("{rang: [0, 1, 3]}"), HasSubstr("expected a list of at least one value"));
  EXPECT_THAT(axis_refusal("{range: [0.5, 0.7, 0.1]}"), HasSubstr("expected integer >= 0, found '5e-1'"));
}

class Csv : public test::TemporaryDirectory {
 protected:
  void SetUp() override {
    TemporaryDirectory::SetUp();
    folder_ = path("");
    std::filesystem::create_directories(folder_ / "lists");
  }

  void write(const std::string& text) { std::ofstream(folder_ / "lists" / "images.csv", std::ios::binary) << text; }

  Experiment load() {
    std::ofstream(folder_ / "file.yaml") << "name: t\ngrid:\n  - zip: {csv: lists/images.csv}\n";
    return load_experiment(folder_ / "file.yaml", test::surrogate_schema());
  }

  std::string axis_refusal(const std::string& text) {
    write(text);
    try {
      load();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
      std::string what = error.what();
      const std::string place = (folder_ / "file.yaml").string() + ":3:10: grid[0].zip: ";
      return what.starts_with(place) ? what.substr(place.size()) : what;
    }
    return "accepted";
  }

  std::filesystem::path folder_;
};

TEST_F(Csv, NamesColumnsAndGivesRows) {
  write("\xEF\xBB\xBFproblem.sample_index, problem.epsilon,dataset.name\r\n7,5.25,mnist\r\n\r\n8, 5,\"fashion-mnist\"\r\n");
  const Zip zip = load().root.cases.at(0).zips.at(0);
  EXPECT_THAT(zip.columns, ElementsAre("problem.sample_index", "problem.epsilon", "dataset.name"));
  EXPECT_THAT(zip.rows, ElementsAre(ElementsAre(Value(std::int64_t{7}), Value(5.25), Value(std::string("mnist"))),
                                    ElementsAre(Value(std::int64_t{8}), Value(5.0), Value(std::string("fashion-mnist")))));
}

TEST_F(Csv, QuotedCellsMayHoldLineEndsAndQuotes) {
  write("solve.solver\n\"external:a \"\"b\"\", c\"\ncbc");
  const Zip zip = load().root.cases.at(0).zips.at(0);
  EXPECT_EQ(zip.rows.at(0).at(0), Value(std::string("external:a \"b\", c")));
  EXPECT_EQ(axis_refusal("solve.solver\n\"a\nb\"\n"), "lists/images.csv:2: solve.solver: expected text, found 'a\nb'")
      << "a parameter has no line ends";
}

TEST_F(Csv, IsRefusedByLineAndColumn) {
  EXPECT_EQ(axis_refusal("train.sed\n1\n"), "lists/images.csv:1: unknown parameter 'train.sed' (did you mean 'train.seed'?)");
  EXPECT_EQ(axis_refusal("train.seed,train.seed\n1,2\n"), "lists/images.csv:1: duplicate column train.seed");
  EXPECT_EQ(axis_refusal("train.seed\n1\nx\n"), "lists/images.csv:3: train.seed: expected integer >= 0, found 'x'");
  EXPECT_EQ(axis_refusal("train.seed,prune.seed\n1,2\n3\n"),
            "lists/images.csv:3: expected 2 cells, as many as the first line has, found 1");
  EXPECT_EQ(axis_refusal("train.seed\n1\n1\n"), "two rows are equal");
  EXPECT_EQ(axis_refusal("train.seed\n"), "lists/images.csv: expected a line of parameters and at least one row, found one line");
  EXPECT_EQ(axis_refusal(""), "lists/images.csv: expected a line of parameters and at least one row, found nothing");
  EXPECT_EQ(axis_refusal("train.seed\n\"1\n"), "lists/images.csv: line 2: expected a closing quote, found the end of the file");
  EXPECT_EQ(axis_refusal("train.seed\n1\"\n"), "lists/images.csv: line 2: expected a quote only around a whole cell");
  std::filesystem::remove(folder_ / "lists" / "images.csv");
  EXPECT_THROW(load(), base::Error);
}

TEST(Anchors, KeysThatStartWithXAreReadWhereTheyAreUsed) {
  EXPECT_EQ(parse_sequence("name: t\nx-: [{not: checked}]\ngrid: [{}]\n").root.cases.size(), 1U);
  EXPECT_THROW(parse_sequence("name: t\ngrid: [{x-seeds: 1}]\n"), base::Error) << "only at the top";
}

}  // namespace
}  // namespace espalier::config
