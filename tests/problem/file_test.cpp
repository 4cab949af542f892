#include "espalier/problem/file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "espalier/h5/file.hpp"
#include "h5/temporary_directory.hpp"
#include "problem/reference.hpp"

namespace espalier::problem {
namespace {

using ::testing::HasSubstr;

std::filesystem::path scratch(const std::string& name) {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("espalier-problem-{}-{}", ::getpid(), info->name());
  std::filesystem::create_directories(folder);
  return folder / name;
}

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

/// A good file, spoilt by `spoil`; the message of reading it.
std::string reading(const std::function<void(const h5::Group&)>& spoil) {
  const auto path = scratch("spoilt.h5");
  Problem problem = espalier::testing::random_problem({4, 3, 2}, 7, 0.5);
  problem.name = "p";
  write_problems(path, std::vector{problem});
  h5::File file = h5::File::open_read_write(path);
  spoil(file.root().open_group("p"));
  file.close();
  return message([&] { read_problem(path, "p"); });
}

TEST(ProblemFile, TheReferenceFileHasItsSeventeenProblems) {
  const std::vector<std::string> names = problem_names(espalier::testing::reference_file());
  EXPECT_EQ(names.size(), 17U);
  EXPECT_THAT(names, ::testing::Contains("mnist_18_2x32_cbc_wrong"));
  for (const Problem& problem : espalier::testing::reference_problems()) {
    ASSERT_TRUE(problem.optimum && problem.optimal_input) << problem.name;
    // The file's own promise: the optimum is the network's margin at the optimal input, which is in the region.
    const Eigen::VectorXd logits = nn::forward(problem.network, *problem.optimal_input);
    EXPECT_NEAR(problem.objective()(logits), *problem.optimum, 1e-9) << problem.name;
    EXPECT_TRUE(contains(problem.region(), *problem.optimal_input, 1e-9)) << problem.name;
  }
}

TEST(ProblemFile, WhatIsWrittenIsReadBackExactly) {
  const auto path = scratch("round.h5");
  Problem full = espalier::testing::random_problem({9, 5, 3}, 3, 0.7, 0.5);
  full.name = "full";
  full.dataset = "mnist";
  full.input_side = 3;
  full.sample_index = 12;
  full.true_label = 2;
  full.optimum = -0.1;
  full.optimal_input = full.input;
  full.note = "a note";
  Problem bare = espalier::testing::random_problem({4, 2}, 4, 0.3);
  bare.name = "bare";
  write_problems(path, std::vector{full, bare});
  EXPECT_EQ(problem_names(path), (std::vector<std::string>{"bare", "full"}));

  const Problem again = read_problem(path, "full");
  EXPECT_EQ(again.input, full.input);
  EXPECT_EQ(again.epsilon, full.epsilon);
  EXPECT_EQ(again.label, full.label);
  EXPECT_EQ(again.target, full.target);
  EXPECT_EQ(again.dataset, "mnist");
  EXPECT_EQ(again.input_side, 3);
  EXPECT_EQ(again.sample_index, 12);
  EXPECT_EQ(again.true_label, 2);
  EXPECT_EQ(again.optimum, -0.1);
  EXPECT_EQ(*again.optimal_input, full.input);
  EXPECT_EQ(again.note, "a note");
  ASSERT_EQ(again.network.layers.size(), 2U);
  EXPECT_EQ(again.network.layers[0].weight, full.network.layers[0].weight);
  EXPECT_EQ(again.network.layers[1].bias, full.network.layers[1].bias);

  const Problem plain = read_problem(path, "bare");
  EXPECT_FALSE(plain.optimum || plain.optimal_input || plain.true_label || plain.input_side || plain.sample_index);
}

/// The layout of the reference file, seen with somebody else's reader; 5 x 4 and 3 x 5 layers show rows and columns.
TEST(ProblemFile, H5pyReadsTheLayoutOfTheReferenceFile) {
  const auto path = scratch("layout.h5");
  Problem problem = espalier::testing::random_problem({4, 5, 3}, 3, 0.75);
  problem.name = "p";
  problem.dataset = "mnist";
  problem.optimum = -0.25;
  write_problems(path, std::vector{problem});
  EXPECT_EQ(espalier::test::python(
                path, "r",
                "g = f['p']; n = g['network']; print(sorted(g), sorted(n), n['layer_0/weight'].shape, n['layer_0/weight'].dtype, "
                "n['layer_1/weight'].shape, n['layer_1/bias'].shape, g['input'].shape, g['input'].dtype, g.attrs['norm'], "
                "g.attrs['epsilon'], g.attrs['dataset'], g.attrs['optimum'])"),
            "['input', 'network'] ['layer_0', 'layer_1'] (5, 4) float32 (3, 5) (3,) (4,) float64 l1 0.75 mnist -0.25\n");
  const float corner = problem.network.layers[0].weight(1, 3);
  EXPECT_EQ(espalier::test::python(path, "r", "print('%.9g' % f['p/network/layer_0/weight'][1, 3])"), fmt::format("{:.9g}\n", corner));
}

TEST(ProblemFile, NamesSelectInTheirOrderAndAWrongOneGetsASuggestion) {
  const auto file = espalier::testing::reference_file();
  const std::vector<std::string> wanted{"mnist_18_2x32_cbc_wrong", "mnist_18_2x24_0"};
  const std::vector<Problem> problems = read_problems(file, wanted);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].name, wanted[0]);
  EXPECT_EQ(problems[1].name, wanted[1]);
  EXPECT_THAT(message([&] { read_problem(file, "mnist_18_2x24_O"); }), HasSubstr("did you mean 'mnist_18_2x24_0'?"));
}

TEST(ProblemFile, RegionsOfEveryKindAreReadBack) {
  const auto path = scratch("regions.h5");
  std::vector<Problem> problems;
  for (const Norm norm : {Norm::l1, Norm::l2, Norm::linf, Norm::row_wise, Norm::none}) {
    problems.push_back(espalier::testing::within_random_box(espalier::testing::random_problem({4, 3, 2}, 7, 0.5), norm, 0.25));
    problems.back().name = base::word_of(words(norm), norm);
  }
  problems.push_back(espalier::testing::random_problem({4, 3, 2}, 7, 0.5));
  problems.back().norm = Norm::linf;
  problems.back().name = "unit";
  write_problems(path, problems);
  for (const Problem& problem : problems) {
    const Region written = problem.region(), read = read_problem(path, problem.name).region();
    EXPECT_EQ(read.box.lower, written.box.lower) << problem.name;
    EXPECT_EQ(read.box.upper, written.box.upper) << problem.name;
    EXPECT_EQ(read.radius, written.radius) << problem.name;
    EXPECT_EQ(read.row_length, problem.norm == Norm::row_wise ? 2 : 1) << problem.name;
  }
  EXPECT_FALSE(read_problem(path, "unit").box);
  EXPECT_EQ(espalier::test::python(path, "r", "print([sorted(f[k].attrs) for k in ('linf', 'none')], sorted(f['none']))"),
            "[['dataset', 'epsilon', 'label', 'norm', 'target'], ['dataset', 'label', 'norm', 'target']] ['input', 'lower', 'network', "
            "'upper']\n");
}

TEST(ProblemFile, ObjectivesOfEveryKindAreReadBack) {
  std::vector<Problem> problems(2, espalier::testing::random_problem({4, 3, 3}, 7, 0.5));
  problems[0].name = "any";
  problems[0].target.reset();
  problems[1].name = "functions";
  problems[1].functions = {{.coefficients = Eigen::Vector3d(1, 0.1, -2), .constant = 0.3}, {.coefficients = Eigen::Vector3d(0, 1, 0)}};
  const auto path = scratch("objectives.h5");
  write_problems(path, problems);
  const std::vector<Problem> again = read_problems(path);
  EXPECT_EQ(again[0].target, std::nullopt);
  EXPECT_EQ(again[0].label, problems[0].label);
  ASSERT_EQ(again[1].functions.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(again[1].functions[k].coefficients, problems[1].functions[k].coefficients);
    EXPECT_EQ(again[1].functions[k].constant, problems[1].functions[k].constant);
  }
}

TEST(ProblemFile, ObjectivesThatAreNoneAreRefused) {
  EXPECT_THAT(reading([](const h5::Group& p) { p.write_attribute("target", "all"); }),
              HasSubstr("spoilt.h5: /p: expected a class or \"any\" as attribute 'target', found \"all\""));
  const auto add_functions = [](const h5::Group& p, h5::Dims dims) {
    p.write_array("functions", std::vector<double>(dims[0] * dims[1], 1), dims);
  };
  EXPECT_THAT(reading([&](const h5::Group& p) {
                add_functions(p, {1, 2});
              }),
              HasSubstr("expected either 'functions' or attributes 'label' and 'target', found both"));
  EXPECT_THAT(reading([&](const h5::Group& p) { p.write_array("constants", std::vector<double>{1}, {1}); }),
              HasSubstr("expected 'functions' beside 'constants', found 'constants' alone"));
}

TEST(ProblemFile, AMemberThatIsAnAttributeAndAnAttributeThatIsADatasetAreRefused) {
  const std::vector<double> two{0.5, 0.5};
  for (const char* name : {"lower", "upper", "functions", "constants", "optimal_input", "input", "network"})
    EXPECT_THAT(reading([&](const h5::Group& p) { p.write_attribute(name, two); }),
                HasSubstr(fmt::format("spoilt.h5': expected '{}' as a dataset or group, found an attribute", name)));
  for (const char* name : {"norm", "epsilon", "label", "target", "dataset", "input_side", "true_label", "sample_index", "optimum", "note"})
    EXPECT_THAT(reading([&](const h5::Group& p) { p.write_array(name, std::span<const double>(two), {2}); }),
                HasSubstr(fmt::format("spoilt.h5: /p: expected '{}' as an attribute, found a dataset", name)));
  EXPECT_THAT(reading([](const h5::Group& p) { p.create_group("target"); }), HasSubstr("expected 'target' as an attribute, found a group"));
  // Below, in the network: a bias that is left out is one of zeros.
  EXPECT_THAT(reading([&](const h5::Group& p) { p.open_group("network/layer_0").write_attribute("bias", two); }),
              HasSubstr("'/p/network/layer_0' in '"));
  EXPECT_THAT(reading([&](const h5::Group& p) { p.open_group("network").write_attribute("layer_2", two); }),
              HasSubstr("spoilt.h5: /p/network: expected 'layer_2' as a group, found an attribute"));
  EXPECT_EQ(reading([](const h5::Group& p) { p.write_attribute("date", "today"); }), "no error");
}

TEST(ProblemFile, BoxesThatAreNoneAreRefused) {
  const auto with_box = [](std::vector<double> lower, std::vector<double> upper) {
    return reading([&](const h5::Group& g) {
      g.write_array("lower", lower, {lower.size()});
      g.write_array("upper", upper, {upper.size()});
    });
  };
  EXPECT_EQ(with_box({-1, -1, -1, -1}, {2, 2, 2, 2}), "no error");
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("norm", std::string("row-wise")); }),
              HasSubstr("input_side: expected the image's side (norm row-wise), found none"));
  EXPECT_THAT(reading([](const h5::Group& g) {
                g.write_array("lower", std::vector<double>{0, 0, 0, 0}, {4});
              }),
              HasSubstr("expected 'lower' and 'upper', or neither, found 'lower' alone"));
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("norm", std::string("none")); }),
              HasSubstr("expected no attribute 'epsilon' with norm none, found one"));
  EXPECT_THAT(with_box({0, 0, 0}, {1, 1, 1}), HasSubstr("lower: expected 4 entries (the network's inputs), found 3"));
  EXPECT_THAT(with_box({-1, -1, 3, -1}, {2, 2, 2, 2}), HasSubstr("upper[2]: expected at least lower[2], which is 3, found 2"));
  EXPECT_THAT(with_box({-1, -INFINITY, -1, -1}, {2, 2, 2, 2}), HasSubstr("lower[1]: expected a number in [-1e6, 1e6], found -inf"));
  EXPECT_THAT(with_box({-1, -1, -1, -1}, {2, 2, 2, NAN}), HasSubstr("upper[3]: expected a number in [-1e6, 1e6], found nan"));
  EXPECT_THAT(with_box({1.5, -1, -1, -1}, {2, 2, 2, 2}), HasSubstr("input[0]: expected a number in [1.5, 2], found "));
}

TEST(ProblemFile, SpoiltFilesAreRefusedByFileAndObject) {
  EXPECT_EQ(reading([](const h5::Group&) {}), "no error");
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("norm", std::string("linff")); }),
              HasSubstr("attribute 'norm': expected one of l1, l2, linf, row-wise, none, found 'linff' (did you mean 'linf'?)"));
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("epsilon", -1.0); }),
              AllOf(HasSubstr("spoilt.h5"), HasSubstr("problem 'p'"), HasSubstr("epsilon: expected a finite radius > 0, found -1")));
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("label", std::int64_t{-4}); }), HasSubstr("'label'"));
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("label", std::int64_t{1} << 40); }), HasSubstr("'label'"));
  EXPECT_THAT(reading([](const h5::Group& g) {
                g.remove("input");
                g.write_array("input", std::vector<double>{0, 0, 0}, {3});
              }),
              AllOf(HasSubstr("spoilt.h5"), HasSubstr("input: expected 4 entries (the network's inputs), found 3")));
  EXPECT_THAT(reading([](const h5::Group& g) {
                g.remove("input");
                g.write_array("input", std::vector<double>{0, 0, 0, 0}, {2, 2});
              }),
              AllOf(HasSubstr("spoilt.h5"), HasSubstr("input")));
  EXPECT_THAT(reading([](const h5::Group& g) { g.remove("input"); }), AllOf(HasSubstr("spoilt.h5"), HasSubstr("input")));
  EXPECT_THAT(reading([](const h5::Group& g) {
                g.remove("input");
                g.write_array("input", std::vector<double>{0, std::nan(""), 0, 0}, {4});
              }),
              HasSubstr("input[1]: expected a number in [0, 1], found nan"));
  EXPECT_THAT(reading([](const h5::Group& g) { g.remove("network/layer_1/weight"); }), AllOf(HasSubstr("spoilt.h5"), HasSubstr("layer_1")));
}

TEST(ProblemFile, UnknownMembersAreRefusedByName) {
  EXPECT_THAT(reading([](const h5::Group& g) { g.create_group("networks"); }),
              HasSubstr("'/p' in '" + scratch("spoilt.h5").string() +
                        "': expected nothing but input, network, optimal_input, lower, upper, functions, constants, found 'networks' (did "
                        "you mean 'network'?)"));
  EXPECT_THAT(reading([](const h5::Group& g) {
                g.write_array("optimal_inputs", std::vector<double>{0, 0, 0, 0}, {4});
              }),
              HasSubstr("found 'optimal_inputs' (did you mean 'optimal_input'?)"));
  EXPECT_THAT(reading([](const h5::Group& g) { g.write_attribute("true_lable", std::int64_t{1}); }),
              HasSubstr("found 'true_lable' (did you mean 'true_label'?)"));
  // A name of the user's own, and one that is near to an attribute that is there.
  EXPECT_EQ(reading([](const h5::Group& g) { g.write_attribute("date", "today"); }), "no error");
  EXPECT_EQ(reading([](const h5::Group& g) { g.write_attribute("labels", "cat, dog"); }), "no error");
}

TEST(ProblemFile, WhatIsMeantToBeAProblemIsListed) {
  const auto path = scratch("listed.h5");
  Problem problem = espalier::testing::random_problem({4, 2}, 4, 0.3);
  problem.name = "good";
  write_problems(path, std::vector{problem});
  h5::File file = h5::File::open_read_write(path);
  file.root().create_group("notes").write_attribute("author", "me");
  file.root().write_array("table", std::vector<double>{1}, {1});
  file.root().create_group("misspelt").create_group("netwrok");
  file.root().open_group("misspelt").write_attribute("epsilon", 0.5);
  file.close();
  espalier::test::python(path, "r+", "f['gone'] = h5py.ExternalLink('gone.h5', '/p'); f['same'] = h5py.SoftLink('/good')");
  EXPECT_EQ(problem_names(path), (std::vector<std::string>{"gone", "good", "misspelt", "same"}));
  EXPECT_THAT(message([&] { read_problem(path, "misspelt"); }), HasSubstr("found 'netwrok' (did you mean 'network'?)"));
  EXPECT_THAT(message([&] { read_problem(path, "gone"); }), HasSubstr("found a link to '/p' in 'gone.h5' that cannot be followed"));
  EXPECT_EQ(read_problem(path, "same").input, problem.input);
}

TEST(ProblemFile, OtherFilesAreRefused) {
  EXPECT_THAT(message([] { problem_names(scratch("absent.h5")); }), HasSubstr("absent.h5"));
  const auto text = scratch("text.h5");
  std::ofstream(text) << "not HDF5";
  EXPECT_THAT(message([&] { problem_names(text); }), HasSubstr("text.h5"));
  const auto empty = scratch("empty.h5");
  h5::File::create(empty).close();
  EXPECT_THAT(message([&] { problem_names(empty); }), HasSubstr("expected at least one problem"));
}

TEST(ProblemFile, WritingRefusesBadNamesAndBadProblemsAndLeavesNothing) {
  const auto path = scratch("refused.h5");
  std::filesystem::remove(path);
  Problem problem = espalier::testing::random_problem({4, 3, 2}, 7, 0.5);
  EXPECT_THAT(message([&] { write_problems(path, std::vector{problem, problem}); }), HasSubstr("expected distinct problem names"));
  Problem slash = problem;
  slash.name = "a/b";
  EXPECT_THAT(message([&] { write_problems(path, std::vector{slash}); }), HasSubstr("expected a problem name without '/', found 'a/b'"));
  Problem bad = problem;
  bad.epsilon = 0;
  EXPECT_THAT(message([&] { write_problems(path, std::vector{bad}); }), HasSubstr("epsilon"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace espalier::problem
