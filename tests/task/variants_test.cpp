#include "espalier/task/variants.hpp"

#include <gmock/gmock.h>

#include "espalier/base/error.hpp"

namespace espalier::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Field field(std::string name, Value standard, std::vector<Condition> conditions = {}) {
  return {.name = std::move(name), .type = type_of(standard), .default_value = std::move(standard), .exists_if = std::move(conditions)};
}

std::string word(const char* text) { return text; }

/// rate needs a criterion that has one; epochs need finetuning, which needs a criterion; strength and strengths exclude each other.
Schema schema() {
  return {field("strength", 0.0, {{.parameter = "strengths", .values = {RealList{}}}}),
          field("criterion", word("none")),
          field("rate", 0.0, {{.parameter = "criterion", .values = {word("magnitude"), word("random")}}}),
          field("epochs", std::int64_t{5}, {{.parameter = "finetuning", .values = {word("rewinding")}}}),
          field("finetuning", word("none"), {{.parameter = "criterion", .values = {word("none")}, .is_one_of = false}}),
          field("strengths", RealList{}, {{.parameter = "criterion", .values = {word("none")}, .is_one_of = false}})};
}

Parameters everything(const char* criterion, const char* finetuning = "rewinding", RealList strengths = {1}) {
  return {{"criterion", word(criterion)},
          {"rate", 0.5},
          {"epochs", std::int64_t{9}},
          {"finetuning", word(finetuning)},
          {"strengths", strengths},
          {"strength", 2.0},
          {"beside", true}};
}

TEST(Variants, WhatIsAbsentCountsAsItsDefault) {
  const Schema all = schema();
  const Variants variants(all);
  EXPECT_THAT(variants.absent(everything("magnitude")), ElementsAre("strength"));
  EXPECT_THAT(variants.absent(everything("threshold")), ElementsAre("rate", "strength"));
  EXPECT_THAT(variants.absent(everything("magnitude", "none")), ElementsAre("epochs", "strength"));
  EXPECT_THAT(variants.absent(everything("none")), ElementsAre("epochs", "finetuning", "rate", "strengths"))
      << "epochs go with finetuning, and strength exists since strengths do not";
  EXPECT_THAT(variants.absent({}), ElementsAre("epochs", "finetuning", "rate", "strengths"));
}

TEST(Variants, RemovesWhatDoesNotExist) {
  const Variants variants(schema());
  Parameters instance = everything("none");
  variants.remove_absent(instance);
  EXPECT_EQ(instance, (Parameters{{"criterion", word("none")}, {"strength", 2.0}, {"beside", true}}));
  instance.intern();
  variants.remove_absent(instance);
  EXPECT_EQ(instance.size(), 3U);
}

TEST(Variants, DefectsOfASchemaAreInternalErrors) {
  const auto defect = [](const Schema& all) {
    try {
      const Variants variants(all);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::internal);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(defect({field("a", 1.0, {{.parameter = "b", .values = {1.0}}})}), HasSubstr("a: its condition names 'b'"));
  EXPECT_THAT(defect({field("a", 1.0, {{.parameter = "b", .values = {1.0}}}), field("b", 1.0, {{.parameter = "a", .values = {1.0}}})}),
              HasSubstr("depends on itself"));
}

TEST(Variants, AFixedParameterTakesWhatItExcludesWithIt) {
  const auto names = [](const Schema& all) {
    std::vector<std::string> list;
    for (const Field& each : all) list.push_back(each.name);
    return list;
  };
  EXPECT_THAT(names(fix_parameter(schema(), "criterion", word("none"))), ElementsAre("strength")) << "epochs go with finetuning";
  const Schema magnitude = fix_parameter(schema(), "criterion", word("magnitude"));
  EXPECT_THAT(names(magnitude), ElementsAre("strength", "rate", "epochs", "finetuning", "strengths"));
  EXPECT_TRUE(magnitude[1].exists_if.empty());
  EXPECT_EQ(magnitude[2].exists_if.size(), 1U);
}

TEST(Variants, ConditionsAsSentences) {
  const Schema all = schema();
  EXPECT_EQ(describe_conditions(all[1]), "");
  EXPECT_EQ(describe_conditions(all[2]), "it exists only if criterion is magnitude or random");
  EXPECT_EQ(describe_conditions(all[0]), "it exists only if strengths is empty");
  Field two = all[4];
  two.exists_if.push_back({.parameter = "a", .values = {true, std::int64_t{1}, 0.5}});
  EXPECT_EQ(describe_conditions(two), "it exists only if criterion is not none and a is true, 1 or 0.5");
}

}  // namespace
}  // namespace espalier::task
