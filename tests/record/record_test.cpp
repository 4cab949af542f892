#include "espalier/record/record.hpp"

#include <gmock/gmock.h>

#include <array>

namespace espalier::record {

namespace {

using task::Parameters;
using task::ValueType;
using ::testing::ElementsAre;

enum class Colour { red, dark_blue };
constexpr std::array<std::pair<Colour, std::string_view>, 2> colours{{{Colour::red, "red"}, {Colour::dark_blue, "dark-blue"}}};
base::Words<Colour> words(Colour) { return colours; }

struct Part {
  int count = 3;
};

struct Thing {
  bool on = true;
  std::uint64_t seed = 7;
  float rate = 0.5F;
  double limit = std::numeric_limits<double>::infinity();
  std::string name = "x";
  Colour colour = Colour::dark_blue;
  std::optional<double> found;
  task::IntegerList widths{3, 2};
  task::RealList strengths;
  std::optional<Part> part;
};

Record<Thing> make() {
  Record<Part> part;
  part.add(&Part::count, {.name = "count", .unit = "1"});
  Record<Thing> record;
  record.add(&Thing::on, {.name = "on", .meaning = "A switch."})
      .add(&Thing::seed, {.name = "seed", .minimum = 0})
      .add(&Thing::rate, {.name = "rate", .exists_if = {{.parameter = "on", .values = {true}}}})
      .add(&Thing::limit, {.name = "limit", .default_value = 300.0, .unit = "s"})
      .add(&Thing::name, {.name = "name"})
      .add(&Thing::colour, {.name = "colour"})
      .add(&Thing::found, {.name = "found", .measured = true})
      .add(&Thing::widths, {.name = "widths"})
      .add(&Thing::strengths, {.name = "strengths"})
      .add([](const Thing& thing) { return std::ssize(thing.widths); }, {.name = "depth"})
      .include(part, &Thing::part);
  return record;
}

TEST(Record, TypesDefaultsAndChoicesComeFromTheStruct) {
  const task::Schema schema = make().parameters("thing.");
  std::vector<std::string> names;
  std::vector<ValueType> types;
  for (const task::Field& field : schema) names.push_back(field.name), types.push_back(field.type);
  EXPECT_THAT(names, ElementsAre("thing.on", "thing.seed", "thing.rate", "thing.limit", "thing.name", "thing.colour", "thing.found",
                                 "thing.widths", "thing.strengths", "thing.depth", "thing.count"));
  using enum ValueType;
  EXPECT_THAT(types, ElementsAre(boolean, integer, real, real, text, text, real, integer_list, real_list, integer, integer));
  EXPECT_EQ(schema[1].default_value, task::Value(std::int64_t{7}));
  EXPECT_EQ(schema[2].default_value, task::Value(0.5));
  EXPECT_EQ(schema[3].default_value, task::Value(300.0)) << "the list names another";
  EXPECT_EQ(schema[5].default_value, task::Value(std::string("dark-blue")));
  EXPECT_THAT(schema[5].choices, ElementsAre("red", "dark-blue"));
  EXPECT_FALSE(schema[6].default_value) << "an optional has none";
  EXPECT_EQ(schema[2].exists_if.at(0).parameter, "thing.on");
}

TEST(Record, ColumnsHaveNoDefaults) {
  for (const task::Field& field : make().columns()) EXPECT_FALSE(field.default_value) << field.name;
}

TEST(Record, ValuesAreThoseThatThereAre) {
  const Record<Thing> record = make();
  Thing thing{.found = 2.5, .part = Part{.count = 9}};
  EXPECT_EQ(record.values(thing), (Parameters{{"on", true},
                                              {"seed", std::int64_t{7}},
                                              {"rate", 0.5},
                                              {"limit", std::numeric_limits<double>::infinity()},
                                              {"name", std::string("x")},
                                              {"colour", std::string("dark-blue")},
                                              {"found", 2.5},
                                              {"widths", task::IntegerList{3, 2}},
                                              {"strengths", task::RealList{}},
                                              {"depth", std::int64_t{2}},
                                              {"count", std::int64_t{9}}}));
  thing.found.reset();
  thing.part.reset();
  EXPECT_FALSE(record.values(thing).contains("found"));
  EXPECT_FALSE(record.values(thing).contains("count"));
}

TEST(Record, ReadsBackWhatStandsUnderAPrefix) {
  const Parameters given{{"thing_on", false},
                         {"thing_seed", std::int64_t{8}},
                         {"thing_rate", std::int64_t{1}},
                         {"thing_colour", std::string("red")},
                         {"thing_widths", task::IntegerList{1}},
                         {"thing_strengths", task::RealList{0.5}},
                         {"thing_depth", std::int64_t{99}},
                         {"name", std::string("another prefix")}};
  const Thing thing = make().from(given, "thing_");
  EXPECT_FALSE(thing.on);
  EXPECT_EQ(thing.seed, 8U);
  EXPECT_EQ(thing.rate, 1.0F) << "an integer is legal where a real is asked for";
  EXPECT_EQ(thing.colour, Colour::red);
  EXPECT_THAT(thing.widths, ElementsAre(1));
  EXPECT_THAT(thing.strengths, ElementsAre(0.5));
  EXPECT_EQ(thing.name, "x") << "absent: as the struct has it";
  EXPECT_EQ(thing.limit, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace espalier::record
