// Parameters that name files: where names are relative to, and what is kept of the content.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/config/experiment.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ConfigFiles : public test::TemporaryDirectory {
 protected:
  void SetUp() override {
    TemporaryDirectory::SetUp();
    task::Field file = test::text("network.file", "none", {});
    file.check_file = [](const std::filesystem::path& name) {
      if (base::read_file(name) == "bad") base::fail(base::ErrorKind::data, "expected a good file, found a bad one");
    };
    schema_.push_back(std::move(file));
    write("one", "1");
    write("two", "2");
  }

  void write(const std::string& name, const std::string& content) { base::write_file_atomically(path(name), content); }
  std::string path(const std::string& name) const { return TemporaryDirectory::path(name).string(); }

  Experiment load(const std::string& rest, const std::vector<std::string>& overrides = {}) {
    write("grid.yaml", "name: t\nparameters: {dataset.name: mnist}\n" + rest);
    return load_experiment(path("grid.yaml"), schema_, overrides);
  }

  task::Schema schema_ = test::surrogate_schema();
};

TEST_F(ConfigFiles, NamesAreRelativeToTheExperimentFileWhereverTheyStand) {
  const Experiment e = load(R"(
exclude: [{network.file: two, train.seed: 1}]
grid:
  - product: {network.file: [one, none, ./two]}
  - zip: [{network.file: one, train.seed: 1}]
  - parameters: {network.file: two}
    include: [{network.file: ./one}]
  - when: [{if: {network.file: [one]}, set: {network.file: two}}]
)");
  EXPECT_THAT(e.root.cases[0].product[0].values, ElementsAre(path("one"), std::string("none"), path("two")));
  EXPECT_EQ(e.root.cases[1].zips[0].rows[0][0], task::Value(path("one")));
  EXPECT_EQ(e.root.cases[2].parameters.text("network.file"), path("two"));
  EXPECT_EQ(e.root.cases[2].includes[0].text("network.file"), path("one"));
  EXPECT_EQ(e.root.excludes[0].any_of[0].values[0], task::Value(path("two")));
  EXPECT_EQ(e.root.cases[3].conditionals[0].condition.any_of[0].values[0], task::Value(path("one")));
  EXPECT_EQ(e.root.cases[3].conditionals[0].set.text("network.file"), path("two"));
  EXPECT_EQ(e.files, (Files{{path("one"), base::digest("1")}, {path("two"), base::digest("2")}}));
}

TEST_F(ConfigFiles, ThoseOfOverridesAreRelativeToTheWorkingDirectory) {
  const Experiment e = load("grid: [{product: {train.seed: [1]}}]", {"network.file=" + path("two")});
  EXPECT_EQ(e.root.parameters.text("network.file"), path("two"));
  EXPECT_THAT([&] { load("grid: [{product: {train.seed: [1]}}]", {"network.file=two"}); },
              ThrowsMessage<base::Error>(HasSubstr((std::filesystem::current_path() / "two").string())));
}

TEST_F(ConfigFiles, TheContentIsPinnedInWhatIsWritten) {
  const std::string yaml = to_yaml(load("grid: [{product: {network.file: [one, two]}}]"));
  write("one", "changed");
  std::filesystem::remove(path("two"));
  const Experiment again = parse_experiment(yaml, "elsewhere/plan.yaml", schema_);
  EXPECT_EQ(again.files, (Files{{path("one"), base::digest("1")}, {path("two"), base::digest("2")}}));
  EXPECT_EQ(to_yaml(again), yaml);
}

TEST_F(ConfigFiles, WhatIsNoGoodFileIsRefusedByItsPlace) {
  const auto refuses = [&](const std::string& text, const std::string& sentence) {
    EXPECT_THAT([&] { load(text); }, ThrowsMessage<base::Error>(HasSubstr(sentence))) << text;
  };
  write("bad", "bad");
  write("none", "1");
  refuses("grid:\n  - product: {network.file: [one, bad]}", "grid.yaml:4:29: grid[0].product.network.file: expected a good file");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  refuses("grid: [{product: {network.file: [pipe]}}]", "network.file: expected a file, found something else at '" + path("pipe") + "'");
  refuses("grid: [{product: {network.file: [.]}}]", "network.file: expected a file, found a folder at '");
  refuses("grid: [{product: {network.file: [three]}}]", "three': No such file or directory");
  refuses("grid: [{product: {network.file: [./none]}}]", "expected a file of another name: none stands for no file");
  refuses("grid: [{product: {network.file: [one]}}]\nfiles: {/one: abc}", "files./one: expected 32 hexadecimal digits, found 'abc'");
  refuses("grid: [{product: {network.file: [one]}}]\nfiles: [one]", "files: expected a map of files and hashes, found a list");
}

}  // namespace
}  // namespace espalier::config
