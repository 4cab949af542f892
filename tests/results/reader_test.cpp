#include "espalier/results/reader.hpp"

#include <gmock/gmock.h>

#include "h5/temporary_directory.hpp"

namespace espalier::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

h5::Table small_table() {
  return {.columns = {{.name = "key", .values = std::vector<std::string>{"a", "b"}},
                      {.name = "kind", .values = std::vector<std::string>{"solve", "solve"}},
                      {.name = "rate", .values = std::vector<double>{0.5, 0.9}},
                      {.name = "repetition", .values = std::vector<std::int64_t>{0, 1}},
                      {.name = "found", .values = std::vector<bool>{true, false}}}};
}

class ReaderTest : public test::TemporaryDirectory {
 protected:
  void write(const std::function<void(const h5::Group&)>& more = [](const h5::Group&) {}) {
    h5::File file = h5::File::create(path("results.h5"));
    h5::write_table(file.root(), "solves", small_table());
    more(file.root());
    file.close();
  }
};

TEST_F(ReaderTest, ColumnsAreReadByTypeWhetherInMemoryOrNot) {
  write();
  const Reader reader(path("results.h5"));
  for (const Table& table : {reader.table("solves"), Table(small_table())}) {
    EXPECT_EQ(table.rows(), 2U);
    EXPECT_THAT(table.columns(), ElementsAre("key", "kind", "rate", "repetition", "found"));
    EXPECT_THAT(table.texts("key"), ElementsAre("a", "b"));
    EXPECT_THAT(table.reals("rate"), ElementsAre(0.5, 0.9));
    EXPECT_THAT(table.integers("repetition"), ElementsAre(0, 1));
    EXPECT_THAT(table.booleans("found"), ElementsAre(true, false));
    EXPECT_EQ(&table.reals("rate"), &table.reals("rate")) << "read once";
    std::vector<double> rates;
    std::vector<std::string> keys, solvers;
    std::vector<bool> found;
    table.read({{"rate", &rates}, {"found", &found}}, {{"key", &keys}, {"solver", &solvers}});
    EXPECT_THAT(rates, ElementsAre(0.5, 0.9));
    EXPECT_THAT(found, ElementsAre(true, false));
    EXPECT_THAT(keys, ElementsAre("a", "b"));
    EXPECT_THAT(solvers, ElementsAre()) << "there is none";
    EXPECT_THAT([&] { table.read({{"solver", &solvers}}); }, ThrowsMessage<base::Error>(HasSubstr("there is no column 'solver'")));
    EXPECT_THAT(
        [&] {
          table.read({{"rate", &solvers}});
        },
        ThrowsMessage<base::Error>(HasSubstr("column 'rate': expected text, found reals")));
    EXPECT_THAT([&] { table.reals("rat"); }, ThrowsMessage<base::Error>(HasSubstr("there is no column 'rat' (did you mean 'rate'?)")));
    EXPECT_THAT([&] { table.reals("key"); }, ThrowsMessage<base::Error>(HasSubstr("column 'key': expected reals, found text")));
    EXPECT_THAT(table.parameters(), ElementsAre("rate", "repetition")) << "by place, as there is no attribute";
  }
  EXPECT_THAT([&] { reader.table("solvs"); }, ThrowsMessage<base::Error>(HasSubstr("no table 'solvs' (did you mean 'solves'?)")));
  EXPECT_FALSE(reader.has_table("networks"));
}

TEST_F(ReaderTest, ParametersAreThoseThatTheFileNames) {
  write([](const h5::Group& root) { root.open_object("solves").write_attribute("parameters", std::vector<std::string>{"rate"}); });
  EXPECT_THAT(Reader(path("results.h5")).table("solves").parameters(), ElementsAre("rate"));
}

TEST_F(ReaderTest, ArraysAreThoseOfARow) {
  write([](const h5::Group& root) {
    const h5::Group group = root.create_group("arrays/solves/input");
    group.write_array("values", std::vector<double>{1, 2, 3}, {3});
    h5::write_table(group, "index",
                    {.columns = {{.name = "key", .values = std::vector<std::string>{"b"}},
                                 {.name = "row", .values = std::vector<std::int64_t>{1}},
                                 {.name = "offset", .values = std::vector<std::int64_t>{1}},
                                 {.name = "length", .values = std::vector<std::int64_t>{2}}}});
  });
  const Reader reader(path("results.h5"));
  const RowArrays arrays = reader.arrays("solves", "input");
  EXPECT_EQ(arrays.find(0), std::nullopt);
  EXPECT_THAT(arrays.find(1), ::testing::Optional(ElementsAre(2, 3)));
  EXPECT_EQ(reader.arrays("solves", "output").find(1), std::nullopt);
}

TEST_F(ReaderTest, PartsAreFoundByKey) {
  write([](const h5::Group& root) { root.create_group("parts/networks/a").write_attribute("x", std::int64_t{3}); });
  const Reader reader(path("results.h5"));
  EXPECT_EQ(reader.part("networks", "a").read_attribute<std::int64_t>("x"), 3);
  EXPECT_THAT([&] { reader.part("networks", "b"); },
              ThrowsMessage<base::Error>(HasSubstr("expected what task b left at /parts/networks/b, found nothing")));
}

}  // namespace
}  // namespace espalier::results
