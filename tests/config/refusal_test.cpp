// What a bad experiment file is told. The sentences are asserted: they are the interface.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {
namespace {

std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_experiment(text, "file.yaml", test::surrogate_schema(), overrides);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

/// A file with `block` as the only block of its grid, on line 3; `block` is in flow style.
std::string with_block(const std::string& block) { return "name: t\ngrid:\n  - " + block + "\n"; }
std::string with_parameters(const std::string& parameters) { return "name: t\nparameters: " + parameters + "\ngrid: [{}]\n"; }

struct Case {
  std::string text;
  std::string sentence;
  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.sentence; }
};

class Refusal : public ::testing::TestWithParam<Case> {};

TEST_P(Refusal, SaysWhatWhereAndWhatWasExpected) { EXPECT_EQ(refusal(GetParam().text), GetParam().sentence); }

INSTANTIATE_TEST_SUITE_P(
    Yaml, Refusal,
    ::testing::Values(
        Case{"", "file.yaml: expected an experiment (a map with the keys name, parameters, grid), found nothing"},
        Case{"[1, 2]", "file.yaml: expected an experiment (a map with the keys name, parameters, grid), found a list"},
        Case{"name: t\ngrid: [{}\n", "file.yaml:3:1: invalid YAML: end of sequence flow not found"},
        Case{"name: t\ngrid:\n\t- {}\n", "file.yaml:3:1: tab character in the indentation; YAML wants spaces"},
        Case{"name: t\nrun:\n \t max_failures: 3\ngrid: [{}]\n", "file.yaml:3:2: tab character in the indentation; YAML wants spaces"},
        Case{"name: t\ngrid: [{},\n\t{}]\n\t}\n", "file.yaml:4:1: tab character in the indentation; YAML wants spaces"},
        Case{"name: t\x01\n", "file.yaml:1:8: control character 0x01"},
        Case{"name: \xff\n", "file.yaml:1:7: expected UTF-8 text, found a byte that is not"},
        Case{"name: t\ngrid: [{}]\n---\nname: u\n", "file.yaml:3:1: expected one YAML document, found more behind its end"},
        Case{"{name: t, grid: [{}]}, more", "file.yaml:1:22: expected one YAML document, found more behind its end"},
        Case{"name: t\ngrid: [{}]\n}\n", "file.yaml:3:1: invalid YAML: illegal flow end"},
        Case{"name: t\ngrid: " + std::string(10000, '['), "file.yaml:2:1: invalid YAML: nested too deeply"},
        Case{"name: t\nname: u\ngrid: [{}]\n", "file.yaml:2:1: name: duplicate key, first given on line 1"},
        Case{"name: t\nparameters: {<<: {train.seed: 1}}\ngrid: [{}]\n",
             "file.yaml:2:14: parameters.<<: merge keys are not supported; write the keys out or share a whole value by an alias (*name)"},
        Case{"name: t\n[1, 2]: 3\ngrid: [{}]\n", "file.yaml:2:1: expected a word as key, found a list, a map or nothing"},
        Case{with_parameters("{train.seed: !!int 3}"),
             "file.yaml:2:26: parameters.train.seed: tags such as tag:yaml.org,2002:int are not supported"},
        Case{"name: t\ngrid: &g [*g]\n", "file.yaml:2:7: grid" + [] {
               std::string zeros;
               for (int i = 0; i < 64; ++i) zeros += "[0]";
               return zeros;
             }() + ": more than 64 levels or 2000000 values after following aliases"}));

INSTANTIATE_TEST_SUITE_P(
    Structure, Refusal,
    ::testing::Values(
        Case{"grid: [{}]", "file.yaml:1:1: expected a key 'name', the name of the experiment"},
        Case{"name: [t]\ngrid: [{}]", "file.yaml:1:7: name: expected text, found a list"},
        Case{"name: t", "file.yaml:1:1: expected a key 'grid', the list of blocks whose instances are wanted"},
        Case{"name: t\ngrid: []", "file.yaml:2:7: grid: expected a list of at least one block, found an empty list"},
        Case{"name: t\ngrid:", "file.yaml:2:1: grid: expected a list of at least one block, found nothing"},
        Case{"name: t\ngrid: 3", "file.yaml:2:7: grid: expected a list of at least one block, found '3'"},
        Case{"name: t\ngrid: [3]", "file.yaml:2:8: grid[0]: expected a block (a map), found '3'"},
        Case{"name: t\ngird: [{}]\ngrid: [{}]", "file.yaml:2:1: gird: unknown key 'gird' (did you mean 'grid'?)"},
        Case{"name: t\ntrain: {seed: 3}\ngrid: [{}]",
             "file.yaml:2:1: train: 'train' is a parameter: expected it under parameters, product or zip"},
        Case{with_block("{prodct: {train.seed: [1]}}"), "file.yaml:3:6: grid[0].prodct: unknown key 'prodct' (did you mean 'product'?)"},
        Case{with_block("{fruit: 1}"),
             "file.yaml:3:6: grid[0].fruit: unknown key 'fruit'; the legal keys are parameters, product, zip, cases, include, "
             "exclude, when, repetitions"},
        Case{with_block("{product: {}}"), "file.yaml:3:15: grid[0].product: expected at least one axis, found an empty map"},
        Case{with_block("{product: [1]}"), "file.yaml:3:15: grid[0].product: expected a map of parameters, found a list"},
        Case{with_block("{product: {train.seed: []}}"),
             "file.yaml:3:28: grid[0].product.train.seed: expected a list of at least one value, each integer >= 0, found an empty list"},
        Case{with_block("{product: {train.seed: 3}}"),
             "file.yaml:3:28: grid[0].product.train.seed: expected a list of at least one value, each integer >= 0, found '3' (did you "
             "mean [3]?)"},
        Case{"name: t\ngrid:\n  - product:\n      prune.rate: 0.5, 0.9",
             "file.yaml:4:19: grid[0].product.prune.rate: expected a list of at least one value, each real number in [0, 1), found '0.5, "
             "0.9' "
             "(did you mean [0.5,0.9]?)"},
        Case{with_block("{product: {network.hidden: [32, 16]}}"),
             "file.yaml:3:32: grid[0].product.network.hidden: expected a list of values, each list of integers >= 1, found a single one: "
             "write [[32, 16]] for an axis of this value, or [[32], [16]] for one of each"},
        Case{with_block("{product: {network.hidden: [32]}}"),
             "file.yaml:3:32: grid[0].product.network.hidden: expected a list of values, each list of integers >= 1, found a single one: "
             "write [[32]] for an axis of this value"},
        Case{with_block("{product: {network.hidden: [[32], 16]}}"),
             "file.yaml:3:39: grid[0].product.network.hidden[1]: expected list of integers >= 1, found '16' (did you mean [16]?)"},
        Case{
            with_block("{product: {network.hidden: 32}}"),
            "file.yaml:3:32: grid[0].product.network.hidden: expected a list of at least one value, each list of integers >= 1, found '32' "
            "(did you mean [[32]]?)"},
        Case{with_block("{product: {prune.rate: [0.3, 0.30]}}"),
             "file.yaml:3:34: grid[0].product.prune.rate[1]: the value 0.3 is listed twice"},
        Case{with_block("{product: {train.seed: [1], train: {seed: [2]}}}"),
             "file.yaml:3:41: grid[0].product.train.seed: duplicate key: train.seed was first given on line 3"},
        Case{with_block("{zip: []}"),
             "file.yaml:3:11: grid[0].zip: expected a list of at least one row, as {train.seed: 2, problem.sample_index: 7}, found an "
             "empty list"},
        Case{with_block("{zip: [{train.seed: 1, prune.seed: 1}, {train.seed: 2}]}"),
             "file.yaml:3:44: grid[0].zip[1]: expected the parameters of the first row (prune.seed, train.seed), found train.seed"},
        Case{with_block("{zip: {train.seed: [1, 2], prune.seed: [1, 2, 3]}}"),
             "file.yaml:3:44: grid[0].zip.prune.seed: expected 2 values, as many as train.seed has, found 3"},
        Case{with_block("{zip: [{train.seed: 1}, {train.seed: 1}]}"), "file.yaml:3:11: grid[0].zip: two rows are equal"},
        Case{with_block("{when: [{if: {train.seed: 1}}]}"), "file.yaml:3:13: grid[0].when[0]: expected the keys if and set, found no set"},
        Case{with_block("{when: [{if: {}, set: {train.seed: 1}}]}"),
             "file.yaml:3:18: grid[0].when[0].if: expected at least one parameter, found an empty map"},
        Case{with_block("{exclude: [{}]}"), "file.yaml:3:16: grid[0].exclude[0]: expected at least one parameter, found an empty map"},
        Case{with_block("{repetitions: 0}"), "file.yaml:3:19: grid[0].repetitions: expected integer >= 1, found '0'"},
        Case{"name: t\nrun: {max_failure: 3}\ngrid: [{}]",
             "file.yaml:2:7: run.max_failure: unknown parameter 'max_failure' (did you mean 'max_failures'?)"},
        Case{"name: t\nrun: {fail_fast: 1}\ngrid: [{}]", "file.yaml:2:18: run.fail_fast: expected true or false, found '1'"}));

INSTANTIATE_TEST_SUITE_P(
    Values, Refusal,
    ::testing::Values(
        Case{with_parameters("{trian.seed: 3}"),
             "file.yaml:2:14: parameters.trian.seed: unknown parameter 'trian.seed' (did you mean 'train.seed'?)"},
        Case{with_parameters("{problem: {image: 3}}"),
             "file.yaml:2:24: parameters.problem.image: unknown parameter 'problem.image'; there are problem.sample_index, "
             "problem.epsilon, problem.label_source"},
        Case{with_parameters("{train: 3}"),
             "file.yaml:2:14: parameters.train: 'train' is a section: expected a map of its parameters, found '3'"},
        Case{with_parameters("{train.seed: abc}"), "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found 'abc'"},
        Case{with_parameters("{train.seed: 1.5}"), "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found '1.5'"},
        Case{with_parameters("{train.seed: 08}"), "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found '08'"},
        Case{with_parameters("{train.seed: 1_000}"), "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found '1_000'"},
        Case{with_parameters("{train.seed: 99999999999999999999}"),
             "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found '99999999999999999999'"},
        Case{with_parameters("{train.seed: '3'}"),
             "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found the quoted text '3'"},
        Case{with_parameters("{train.seed: }"), "file.yaml:2:14: parameters.train.seed: expected integer >= 0, found nothing"},
        Case{with_parameters("{train.seed: [1, 2]}"),
             "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found a list of such values; an "
             "axis stands under product, in a block of the grid"},
        Case{with_parameters("{train.seed: [1, -2]}"), "file.yaml:2:26: parameters.train.seed: expected integer >= 0, found a list"},
        Case{with_block("{include: [{prune.criterion: [none, random]}]}"),
             "file.yaml:3:34: grid[0].include[0].prune.criterion: expected one of none, magnitude, random, found a list of such values; an "
             "axis stands under product, in a block of the grid"},
        Case{"name: t\nrun: {max_failures: [1, 2]}\ngrid: [{}]", "file.yaml:2:21: run.max_failures: expected integer >= 1, found a list"},
        Case{with_parameters("{network.width: -32}"), "file.yaml:2:29: parameters.network.width: expected integer >= 1, found '-32'"},
        Case{with_parameters("{prune.rate: 1}"), "file.yaml:2:26: parameters.prune.rate: expected real number in [0, 1), found '1'"},
        Case{with_parameters("{prune.rate: 1.5}"), "file.yaml:2:26: parameters.prune.rate: expected real number in [0, 1), found '1.5'"},
        Case{with_parameters("{train.momentum: .nan}"),
             "file.yaml:2:30: parameters.train.momentum: expected real number >= 0, found '.nan'"},
        Case{with_parameters("{train.momentum: 1e999}"),
             "file.yaml:2:30: parameters.train.momentum: expected real number >= 0, found '1e999'"},
        Case{with_parameters("{train.shuffle: yes}"), "file.yaml:2:29: parameters.train.shuffle: expected true or false, found 'yes'"},
        Case{with_parameters("{dataset.side: 29}"), "file.yaml:2:28: parameters.dataset.side: expected integer in [1, 28], found '29'"},
        Case{with_parameters("{network.hidden: 32}"),
             "file.yaml:2:30: parameters.network.hidden: expected list of integers >= 1, found '32' (did you mean [32]?)"},
        Case{with_parameters("{network.hidden: [32, 0]}"),
             "file.yaml:2:30: parameters.network.hidden: expected list of integers >= 1, found [32, 0]"},
        Case{with_parameters("{prune.criterion: magnitud}"),
             "file.yaml:2:31: parameters.prune.criterion: expected one of none, magnitude, random, found 'magnitud' (did you mean "
             "'magnitude'?)"},
        Case{with_parameters("{solve.solver: \"a\\nb\"}"),
             "file.yaml:2:28: parameters.solve.solver: expected text, found the quoted text 'a\nb'"},
        Case{with_block("{exclude: [{prune.criterion: nine}]}"),
             "file.yaml:3:34: grid[0].exclude[0].prune.criterion: expected one of none, magnitude, random, found 'nine' (did you mean "
             "'none'?)"}));

INSTANTIATE_TEST_SUITE_P(
    Scopes, Refusal,
    ::testing::Values(
        Case{with_block("{parameters: {train.seed: 1}, product: {train.seed: [1, 2]}}"),
             "file.yaml:3:57: grid[0].product.train.seed: train.seed is an axis and is set under parameters of the same block: expected "
             "one of the two"},
        Case{with_block("{product: {train.seed: [1]}, zip: [{train.seed: 1}]}"),
             "file.yaml:3:39: grid[0].zip: train.seed is an axis already, in grid[0].product.train.seed"},
        Case{with_block("{product: {train.seed: [1]}, cases: [{product: {train.seed: [1]}}]}"),
             "file.yaml:3:65: grid[0].cases[0].product.train.seed: train.seed is an axis already, in grid[0].product.train.seed"},
        Case{with_block("{product: {train.seed: [1]}, cases: [{parameters: {train.seed: 2}}]}"),
             "file.yaml:3:42: grid[0].cases[0]: train.seed under parameters is an axis already, in grid[0].product.train.seed"},
        Case{with_block("{product: {train.seed: [1]}, when: [{if: {prune.seed: 2}, set: {train.seed: 2}}]}"),
             "file.yaml:3:41: grid[0].when[0]: train.seed under set is an axis already, in grid[0].product.train.seed"},
        Case{with_block("{repetitions: 2, product: {repetition: [0, 1]}}"),
             "file.yaml:3:5: grid[0]: repetition is an axis already, in grid[0].product.repetition"}));

TEST(Tabs, AreLegalWhereTheyAreNoIndentation) {
  const std::string blank_line =
      "name: t\ndescription: |\n  text\n  \tindented by its author\nparameters: {dataset.name: mnist}\n\t\n \t# a comment\n";
  const Experiment experiment =
      parse_experiment(blank_line + "grid:\n  - product: {train.seed: [1,\n\t2]}\t# two\n", "file.yaml", test::surrogate_schema());
  EXPECT_EQ(experiment.description, "text\n\tindented by its author\n");
  ASSERT_EQ(experiment.root.cases.size(), 1U);
  EXPECT_EQ(experiment.root.cases[0].product[0].values, (std::vector<task::Value>{std::int64_t{1}, std::int64_t{2}}));
}

TEST(Refusals, AreCollectedUpToTen) {
  std::string text = "name: t\ngrid:\n  - parameters:\n";
  for (int i = 0; i < 13; ++i) text += "      unknown" + std::to_string(i) + ": 1\n";
  const std::string sentences = refusal(text);
  EXPECT_EQ(std::count(sentences.begin(), sentences.end(), '\n'), 10);
  EXPECT_TRUE(sentences.starts_with("file.yaml:4:7: grid[0].parameters.unknown0: unknown parameter 'unknown0'\nfile.yaml:5:7: "));
  EXPECT_TRUE(sentences.ends_with("\n... and 3 more"));
}

TEST(Refusals, AFileThatIsNotThere) {
  try {
    load_experiment("/nonexistent/file.yaml", test::surrogate_schema());
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    EXPECT_TRUE(std::string(error.what()).starts_with("cannot read the experiment file: "));
    EXPECT_NE(std::string(error.what()).find("/nonexistent/file.yaml"), std::string::npos);
  }
}

TEST(Refusals, Overrides) {
  const std::string text = with_block("{product: {train.seed: [1, 2]}, zip: [{prune.seed: 1}, {prune.seed: 4}]}");
  EXPECT_EQ(refusal(text, {"train.seed"}), "--set train.seed: expected key=value");
  EXPECT_EQ(refusal(text, {"trian.seed=1"}), "--set trian.seed=1: unknown parameter 'trian.seed' (did you mean 'train.seed'?)");
  EXPECT_EQ(refusal(text, {"train.seed=abc"}), "--set train.seed=abc: expected integer >= 0, found 'abc'");
  EXPECT_EQ(refusal(text, {"train.seed="}), "--set train.seed=: expected integer >= 0, found nothing");
  EXPECT_EQ(refusal(text, {"train.seed=[1, -1]"}), "--set train.seed=[1, -1][1]: expected integer >= 0, found '-1'");
  EXPECT_EQ(refusal(text, {"train.seed=1,2"}), "--set train.seed=1,2: expected integer >= 0, found '1,2' (did you mean [1,2]?)");
  EXPECT_EQ(refusal(text, {"train.seed=1,-2"}), "--set train.seed=1,-2: expected integer >= 0, found '1,-2'");
  EXPECT_EQ(refusal(text, {"network.hidden=32, 16"}),
            "--set network.hidden=32, 16: expected list of integers >= 1, found '32, 16' (did you mean [32,16]?)");
  EXPECT_EQ(
      refusal(text, {"prune.criterion=none,random"}),
      "--set prune.criterion=none,random: expected one of none, magnitude, random, found 'none,random' (did you mean [none,random]?)");
  EXPECT_EQ(refusal(text, {"train.seed=[1"}), "--set train.seed=[1: expected a YAML value or list behind the equals sign");
  EXPECT_EQ(refusal(text, {"train.seed=1", "train.seed=2"}), "--set train.seed=2: train.seed is set twice");
  EXPECT_EQ(refusal(text, {"prune.seed=3"}),
            "--set prune.seed=3: prune.seed is a column of grid[0].zip, where --set selects rows: expected one of 1, 4");
  EXPECT_EQ(refusal(text, {"run.fail=true"}),
            "--set run.fail=true: unknown run setting 'run.fail'; there are run.max_failures, run.fail_fast, run.memory_limit, "
            "run.cpu_limit, run.kill_grace, run.max_tasks");
}

}  // namespace
}  // namespace espalier::config
