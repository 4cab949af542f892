#include "espalier/studies/study.hpp"

#include <gmock/gmock.h>

#include "espalier/base/error.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::studies {
namespace {

using task::Parameters;
using ::testing::HasSubstr;

/// An instance at the defaults of a study, with changes.
Parameters instance(const Study& study, std::initializer_list<Parameters::Map::value_type> changes) {
  Parameters p;
  for (const task::Field& field : study.pipeline().schema())
    if (field.default_value) p.set(field.name, *field.default_value);
  p.set("dataset.name", std::string("mnist"));
  for (const auto& [name, value] : changes) p.set(name, value);
  return p;
}

class Studies : public ::testing::TestWithParam<std::string> {
 protected:
  const Registry registry = built_in();
  const Study& study = registry.find(GetParam());
};
INSTANTIATE_TEST_SUITE_P(All, Studies, ::testing::Values("surrogate", "spr"));

TEST_P(Studies, HaveLegalDefaultsAndSoundConditions) {
  const task::Schema& schema = study.pipeline().schema();
  EXPECT_NO_THROW(task::Variants{schema});
  EXPECT_FALSE(study.description().empty());
  for (const task::Field& field : schema) {
    EXPECT_NE(task::find_field(stages::parameter_schema(), field.name), nullptr) << field.name;
    if (field.default_value) {
      EXPECT_EQ(task::check_value(field, *field.default_value), "") << field.name;
    }
  }
}

TEST_P(Studies, SolveLast) {
  const auto requests = study.pipeline().expand(instance(study, {{"prune.criterion", std::string("magnitude")}, {"prune.rate", 0.5}}));
  EXPECT_EQ(requests.back().kind, "solve");
  EXPECT_EQ(requests.back().parameters.text("problem_network"), study.name() == "spr" ? "embedded" : "dense");
  EXPECT_FALSE(study.pipeline().expand(instance(study, {})).back().parameters.contains("problem_network")) << "nothing is pruned";
}

TEST(BuiltIn, WhoseInputIsSoughtIsTheStudysToSay) {
  const Registry registry = built_in();
  for (const auto& study : registry.all()) EXPECT_EQ(task::find_field(study->pipeline().schema(), "problem.network"), nullptr);
  const task::Schema& spr = registry.find("spr").pipeline().schema();
  EXPECT_EQ(task::find_field(spr, "solve.protocol"), nullptr) << "there is no surrogate";
  EXPECT_EQ(task::find_field(spr, "problem.label_source"), nullptr);
  EXPECT_NE(task::find_field(registry.find("surrogate").pipeline().schema(), "solve.protocol"), nullptr);
}

TEST(BuiltIn, TheDefaultsOfSprAreThoseOfThePaper) {
  const Registry registry = built_in();
  const Study& spr = registry.find("spr");
  const auto requests =
      spr.pipeline().expand(instance(spr, {{"train.regulariser", std::string("spr")}, {"prune.criterion", std::string("threshold")}}));
  ASSERT_EQ(requests.size(), 4U);  // M's network, the network, the pruned one, its problem
  const Parameters& p = requests.back().parameters;
  EXPECT_EQ(p.text("train_optimizer"), "sgd");
  EXPECT_EQ(p.real("train_learning_rate"), 0.1);
  EXPECT_EQ(p.integer("train_epochs"), 50);
  EXPECT_EQ(p.integer("train_batch_size"), 128);
  EXPECT_EQ(p.text("prune_finetuning"), "cumulative");
  EXPECT_EQ(p.integer("prune_epochs"), 10);
  EXPECT_EQ(p.integer("problem_sample_index"), 10000);
  EXPECT_EQ(p.text("solve_goal"), "decide");
}

TEST(Registry, NamesThoseThereAre) {
  const Registry registry = built_in();
  try {
    registry.find("spt");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    EXPECT_THAT(error.what(), HasSubstr("study: expected one of surrogate, spr, verification, found 'spt' (did you mean 'spr'?)"));
  }
  EXPECT_THAT(config_studies(registry).names, ::testing::ElementsAre("surrogate", "spr", "verification"));
}

}  // namespace
}  // namespace espalier::studies
