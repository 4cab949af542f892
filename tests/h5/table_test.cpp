#include "espalier/h5/table.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;
using test::python;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TableTest : public test::TemporaryDirectory {};

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

Table small_table() {
  return {{{.name = "key", .values = std::vector<std::string>{"ab", "c"}, .meaning = "content hash"},
           {.name = "train.rate", .values = std::vector<double>{0.1, not_a_number}, .unit = "1", .meaning = "learning rate"},
           {.name = "nodes", .values = std::vector<std::int64_t>{-1, std::int64_t{1} << 60}, .unit = "1"},
           {.name = "verified", .values = std::vector<bool>{true, false}},
           {.name = "message", .values = std::vector<std::string>{"", "größer"}, .text_width = {0}}}};
}

TEST_F(TableTest, RoundTripsValuesUnitsAndMeanings) {
  File file = File::create(path("t.h5"));
  write_table(file.root(), "results/solves", small_table());
  file.close();
  const File again = File::open_read_only(path("t.h5"));
  const Table table = read_table(again.root(), "results/solves");
  EXPECT_EQ(table.rows(), 2);
  EXPECT_THAT(table.texts("key"), ElementsAre("ab", "c"));
  EXPECT_EQ(table.reals("train.rate")[0], 0.1);
  EXPECT_TRUE(std::isnan(table.reals("train.rate")[1]));
  EXPECT_THAT(table.integers("nodes"), ElementsAre(-1, std::int64_t{1} << 60));
  EXPECT_THAT(table.booleans("verified"), ElementsAre(true, false));
  EXPECT_THAT(table.texts("message"), ElementsAre("", "größer"));
  EXPECT_EQ(table.find("train.rate")->unit, "1");
  EXPECT_EQ(table.find("train.rate")->meaning, "learning rate");
  EXPECT_THAT(std::get<std::vector<std::string>>(read_column(again.root(), "results/solves", "message").values), ElementsAre("", "größer"));
  EXPECT_THAT(std::get<std::vector<bool>>(read_column(again.root(), "results/solves", "verified").values), ElementsAre(true, false));
}

TEST_F(TableTest, H5pyReadsIt) {
  File file = File::create(path("t.h5"));
  write_table(file.root(), "solves", small_table());
  file.close();
  EXPECT_EQ(python(path("t.h5"), "r",
                   "d = f['solves']; r = d[:]\n"
                   "print(d.shape, d.compression, d.fletcher32, d.dtype.names)\n"
                   "print(r['verified'].dtype, r['verified'].tolist(), r['nodes'].tolist(), r['train.rate'].tolist())\n"
                   "print([k.decode() for k in r['key']], [m.decode() for m in r['message']], r['key'].dtype)\n"
                   "print(d.attrs['unit.train.rate'], d.attrs['meaning.key'])"),
            "(2,) gzip True ('key', 'train.rate', 'nodes', 'verified', 'message')\n"
            "bool [True, False] [-1, 1152921504606846976] [0.1, nan]\n"
            "['ab', 'c'] ['', 'größer'] |S2\n"
            "1 content hash\n");
}

TEST_F(TableTest, WeReadTablesOfH5py) {
  python(path("t.h5"), "w",
         "t = np.dtype([('id', '>u2'), ('x', 'f4'), ('ok', bool), ('name', 'S5'), ('word', h5py.string_dtype())], align=True)\n"
         "f['t'] = np.array([(1, 0.5, True, b'abcde', 'hello'), (65535, -1, False, b'', '')], dtype=t)\n"
         "f['bad'] = np.zeros(2, dtype=[('z', 'c8')])\n"
         "f['flat'] = np.zeros(2)\n"
         "f['square'] = np.zeros((2, 2), dtype=[('a', 'i4')])\n"
         "f['u64'] = np.array([(2**64 - 1,)], dtype=[('a', 'u8')])");
  const File file = File::open_read_only(path("t.h5"));
  const Table table = read_table(file.root(), "t");
  EXPECT_THAT(table.integers("id"), ElementsAre(1, 65535));
  EXPECT_THAT(table.reals("x"), ElementsAre(0.5, -1));
  EXPECT_THAT(table.booleans("ok"), ElementsAre(true, false));
  EXPECT_THAT(table.texts("name"), ElementsAre("abcde", ""));
  EXPECT_THAT(table.texts("word"), ElementsAre("hello", ""));
  const std::string in = "' in '" + path("t.h5").string() + "': ";
  EXPECT_EQ(error_of([&] { read_table(file.root(), "bad"); }),
            "data: '/bad" + in + "column 'z': expected booleans, integers, reals or text, found compound");
  EXPECT_EQ(error_of([&] { read_table(file.root(), "flat"); }),
            "data: '/flat" + in + "expected a table (compound rows), found an array of float64");
  EXPECT_EQ(error_of([&] { read_table(file.root(), "square"); }), "data: '/square" + in + "expected a table of one dimension, found 2");
  EXPECT_EQ(error_of([&] { read_table(file.root(), "u64"); }),
            "data: '/u64" + in + "column 'a', row 0: expected int64, found 18446744073709551615");
  EXPECT_EQ(error_of([&] { read_column(file.root(), "t", "nmae"); }),
            "data: '/t" + in + "there is no column 'nmae' (did you mean 'name'?); there are: id, x, ok, name, word");
  EXPECT_EQ(error_of([&] { table.reals("name"); }), "data: column 'name': expected reals, found text");
}

TEST_F(TableTest, ManyRowsSpanChunks) {
  Column number{.name = "number", .values = std::vector<std::int64_t>{}}, text{.name = "text", .values = std::vector<std::string>{}},
      variable{.name = "variable", .values = std::vector<std::string>{}, .text_width = {0}},
      even{.name = "even", .values = std::vector<bool>{}};
  const std::int64_t rows = 10'001;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::get<std::vector<std::int64_t>>(number.values).push_back(i);
    std::get<std::vector<std::string>>(text.values).push_back("t" + std::to_string(i));
    std::get<std::vector<std::string>>(variable.values).push_back(std::string(i % 50, 'v'));
    std::get<std::vector<bool>>(even.values).push_back(i % 2 == 0);
  }
  const Table table{{number, text, variable, even}};
  File file = File::create(path("t.h5"));
  write_table(file.root(), "t", table, {.rows_per_chunk = 100});
  const Table again = read_table(file.root(), "t");
  for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(again.columns[c].values, table.columns[c].values) << table.columns[c].name;
}

TEST_F(TableTest, AutomaticTextWidthTurnsToVariableLengthForLongTexts) {
  const std::string long_text(5000, 'm');
  File file = File::create(path("t.h5"));
  write_table(file.root(), "t", {{{.name = "m", .values = std::vector<std::string>{"short", long_text}}}});
  EXPECT_THAT(read_table(file.root(), "t").texts("m"), ElementsAre("short", long_text));
  file.close();
  EXPECT_EQ(python(path("t.h5"), "r", "print(f['t'].dtype['m'], len(f['t']['m'][1]))"), "object 5000\n");
}

TEST_F(TableTest, EmptyTablesKeepTheirColumns) {
  File file = File::create(path("t.h5"));
  write_table(file.root(), "t", {{{.name = "a", .values = std::vector<double>{}}, {.name = "b", .values = std::vector<std::string>{}}}});
  const Table table = read_table(file.root(), "t");
  EXPECT_EQ(table.rows(), 0);
  EXPECT_EQ(table.columns.size(), 2);
  file.close();
  EXPECT_EQ(python(path("t.h5"), "r", "print(f['t'].shape, f['t'].dtype.names)"), "(0,) ('a', 'b')\n");
}

TEST_F(TableTest, IllFormedTablesAreRefused) {
  File file = File::create(path("t.h5"));
  const auto write = [&](const Table& table) { return error_of([&] { write_table(file.root(), "t", table); }); };
  const Column two{.name = "a", .values = std::vector<double>{1, 2}};
  EXPECT_THAT(write({}), HasSubstr("a table needs a column"));
  EXPECT_THAT(write({{two, two}}), HasSubstr("two columns are called 'a'"));
  EXPECT_THAT(write({{two, {.name = "b", .values = std::vector<bool>{true}}}}), HasSubstr("column 'b' has 1 rows, column 'a' has 2"));
  EXPECT_THAT(write({{{.name = "t", .values = std::vector<std::string>{"abcd"}, .text_width = {3}}}}),
              HasSubstr("column 't' is 3 bytes wide, found a text of 4"));
  EXPECT_THAT(write({{{.name = "t", .values = std::vector<std::string>{std::string("a\0b", 3)}}}}), HasSubstr("zero byte"));
  EXPECT_FALSE(file.root().exists("t"));
}

}  // namespace
}  // namespace espalier::h5
