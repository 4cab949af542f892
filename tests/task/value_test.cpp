#include "espalier/task/value.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include "espalier/base/error.hpp"

#include "espalier/task/stage.hpp"
#include "task/random_records.hpp"

namespace espalier::task {
namespace {

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const base::Error& e) {
    return std::string(base::to_string(e.kind())) + ": " + e.what();
  }
  return "accepted";
}

TEST(Value, TextIsWhatAPersonReads) {
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(std::int64_t{-32}), "-32");
  EXPECT_EQ(to_text(0.95), "0.95");
  EXPECT_EQ(to_text(std::string("mnist")), "mnist");
  EXPECT_EQ(to_text(IntegerList{32, 32}), "32-32");
  EXPECT_EQ(to_string(type_of(IntegerList{})), "list of integers");
  EXPECT_EQ(to_text(RealList{0.5, 20}), "0.5, 20");
  EXPECT_EQ(to_string(type_of(RealList{})), "list of reals");
}

TEST(Parameters, TypedAccess) {
  const Parameters p{{"b", true}, {"i", std::int64_t{3}}, {"r", 0.5}, {"t", std::string("x")}, {"l", IntegerList{1, 2}}};
  EXPECT_TRUE(p.boolean("b"));
  EXPECT_EQ(p.integer("i"), 3);
  EXPECT_EQ(p.real("r"), 0.5);
  EXPECT_EQ(p.real("i"), 3.0) << "an integer is read as a real";
  EXPECT_EQ(p.text("t"), "x");
  EXPECT_EQ(p.integers("l"), (IntegerList{1, 2}));
  EXPECT_EQ(p.find("none"), nullptr);
}

TEST(Parameters, RefusalsNameTheParameter) {
  const Parameters p{{"train.epochs", 0.5}};
  EXPECT_EQ(refusal([&] { p.integer("train.epoch"); }), "internal: parameter 'train.epoch' is absent");
  EXPECT_EQ(refusal([&] { p.integer("train.epochs"); }), "internal: parameter 'train.epochs': expected integer, found real 0.5");
  EXPECT_EQ(refusal([&] { p.text("train.epochs"); }), "internal: parameter 'train.epochs': expected text, found real 0.5");
}

TEST(Parameters, CanonicalFormIsOrderedAndTyped) {
  Parameters p;
  p.set("b", std::int64_t{1});
  p.set("a", 1.0);
  EXPECT_EQ(p.canonical(), "a=real:1\nb=integer:1\n");
  p.set("a", 0.1 + 0.2);
  EXPECT_THAT(p.canonical(), testing::HasSubstr("0.30000000000000004"));
}

Parameters interned(Parameters p) {
  p.intern();
  return p;
}

TEST(Parameters, InterningChangesNothingThatCanBeSeen) {
  const Parameters p{{"train.rate", 0.5},   {"train.seed", std::int64_t{3}},    {"train", true},
                     {"solve_limit", 20.0}, {"solve.solver", std::string("x")}, {"solve_seed", -0.0},
                     {"trainer", 1.0},      {"widths", IntegerList{1, 2}}};
  const Parameters q = interned(p);
  EXPECT_EQ(q, p);
  EXPECT_EQ(p, q);
  EXPECT_EQ(q.size(), p.size());
  EXPECT_EQ(q.canonical(), p.canonical());
  for (const auto& [name, value] : p.map()) EXPECT_EQ(*q.find(name), value) << name;
  for (const char* absent : {"", "a", "solve", "solve_", "train.", "train.z", "trainers", "z"})
    EXPECT_EQ(q.find(absent), nullptr) << absent;
  EXPECT_EQ(interned(Parameters()), Parameters());
  EXPECT_TRUE(interned(Parameters()).map().begin() == interned(Parameters()).map().end());
}

TEST(Parameters, InternedOnesShareEqualSectionsAndCanStillBeChanged) {
  const Parameters p{{"train.rate", 0.5}, {"train.seed", std::int64_t{3}}, {"solve.limit", 20.0}, {"solve.zero", 0.0}};
  Parameters a = interned(p);
  Parameters b = p;
  b.set("solve.zero", -0.0);
  b.intern();
  EXPECT_EQ(a.find("train.rate"), b.find("train.rate")) << "one copy";
  EXPECT_NE(a.find("solve.limit"), b.find("solve.limit")) << "0 and -0 are different texts, and keys are made of texts";
  EXPECT_EQ(a.find("train.rate"), interned(p).find("train.rate"));
  const Parameters before = a;
  a.set("train.rate", 0.25);
  EXPECT_EQ(a.real("train.rate"), 0.25);
  EXPECT_EQ(before.real("train.rate"), 0.5);
  EXPECT_EQ(b.real("train.rate"), 0.5);
  EXPECT_EQ(a.size(), 4U);
}

TEST(Key, DependsOnEverythingThatMakesAStage) {
  const Parameters p{{"a", std::int64_t{1}}};
  const StageKey parent{1, 2}, other{2, 1};
  const StageKey key = make_key("train", 1, p, {parent, other});
  EXPECT_EQ(key, make_key("train", 1, p, {parent, other}));
  EXPECT_NE(key, make_key("prune", 1, p, {parent, other}));
  EXPECT_NE(key, make_key("train", 2, p, {parent, other}));
  EXPECT_NE(key, make_key("train", 1, {{"a", 1.0}}, {parent, other}));
  EXPECT_NE(key, make_key("train", 1, p, {other, parent})) << "the order of inputs counts";
  EXPECT_NE(key, make_key("train", 1, p, {parent}));
}

TEST(Key, IsStableAcrossVersions) {
  // Old results are found again by their keys: a change here makes every finished stage run again.
  EXPECT_EQ(make_key("train", 1, {{"train.seed", std::int64_t{7}}, {"train.rate", 1e-3}}, {}).hex(), "a6bbdcfd4c3525a1c4a1325e9ca90ff0");
  EXPECT_EQ(make_key("solve", 3, {}, {{1, 2}}).hex(), "0661bfb6c75df50816ea8d130adada17");
}

TEST(Key, DifferentParametersHaveDifferentKeys) {
  base::RandomStream random(11, "keys");
  std::map<StageKey, Parameters> seen;
  for (int i = 0; i < 5000; ++i) {
    Parameters p;
    for (std::uint64_t n = random.below(3); n > 0; --n)
      p.set(std::string(1, static_cast<char>('a' + random.below(3))), static_cast<std::int64_t>(random.below(20)));
    const auto [it, is_new] = seen.emplace(make_key("k", 1, p, {}), p);
    EXPECT_TRUE(is_new || it->second == p);
  }
}

TEST(TaskSpec, DerivedSeedsDiffer) {
  std::set<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < 1000; ++i) {
    TaskSpec spec;
    spec.key = make_key("train", 1, {{"i", i}}, {});
    seeds.insert(spec.derived_seed());
  }
  EXPECT_EQ(seeds.size(), 1000U);
}

class Named final : public Stage {
 public:
  std::string kind() const override { return "named"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "t"; }
  const Schema& parameters() const override { return none_; }
  const Schema& columns() const override { return none_; }
  const Schema& arrays() const override { return none_; }
  StageResult run(const Attempt&, const StageContext&) const override { return {}; }

 private:
  Schema none_;
};

TEST(StageRegistry, FindsByKindAndRefusesTheRest) {
  StageRegistry registry;
  registry.add(std::make_unique<Named>());
  EXPECT_EQ(registry.find("named").kind(), "named");
  EXPECT_EQ(refusal([&] { registry.find("solve"); }), "internal: no stage is called 'solve'; there are: named");
  EXPECT_EQ(refusal([&] { registry.add(std::make_unique<Named>()); }), "internal: two stages are called 'named'");
}

}  // namespace
}  // namespace espalier::task
