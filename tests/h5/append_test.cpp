#include "espalier/h5/append.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;
using test::python;

class AppendTest : public test::TemporaryDirectory {};

Table rows_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  std::vector<std::string> texts, free_texts;
  for (const std::int64_t number : numbers) {
    texts.push_back("t" + std::to_string(number));
    free_texts.emplace_back(static_cast<std::size_t>(number % 70), 'v');
  }
  return {{{.name = "number", .values = numbers, .unit = "1"},
           {.name = "text", .values = texts, .text_width = {8}},
           {.name = "free", .values = free_texts, .text_width = {0}}}};
}

TEST_F(AppendTest, BlocksOfAnySizeMakeTheTableThatOneWriteMakes) {
  File file = File::create(path("t.h5"));
  TableWriter writer(file.root(), "blocks", rows_from(0, 0).columns, {.rows_per_chunk = 10});
  EXPECT_EQ(writer.rows_per_chunk(), 10U);
  std::int64_t rows = 0;
  for (const std::int64_t count : {0, 3, 10, 7, 25, 1, 10}) {
    writer.append(rows_from(rows, count));
    rows += count;
  }
  write_table(file.root(), "whole", rows_from(0, rows), {.rows_per_chunk = 10});
  const Table blocks = read_table(file.root(), "blocks"), whole = read_table(file.root(), "whole");
  ASSERT_EQ(blocks.rows(), 56U);
  for (std::size_t c = 0; c < whole.columns.size(); ++c) {
    EXPECT_EQ(blocks.columns[c].values, whole.columns[c].values) << whole.columns[c].name;
    EXPECT_EQ(blocks.columns[c].unit, whole.columns[c].unit);
  }
}

TEST_F(AppendTest, RowsOfOtherColumnsAreRefused) {
  File file = File::create(path("t.h5"));
  TableWriter writer(file.root(), "t", rows_from(0, 0).columns);
  const std::string where = "internal: '/t' in '" + path("t.h5").string() + "': ";
  Table rows = rows_from(0, 2);
  rows.columns[1].name = "txet";
  EXPECT_EQ(error_of([&] { writer.append(rows); }), where + "column 1: expected 'text', found 'txet' or another type");
  rows = rows_from(0, 2);
  rows.columns[0].values = std::vector<double>{1, 2};
  EXPECT_EQ(error_of([&] { writer.append(rows); }), where + "column 0: expected 'number', found 'number' or another type");
  rows = rows_from(0, 2);
  rows.columns.pop_back();
  EXPECT_EQ(error_of([&] { writer.append(rows); }), where + "the table has 3 columns, found rows of 2");
  EXPECT_EQ(error_of([&] { writer.append(rows_from(10'000'000, 1)); }), where + "column 'text' is 8 bytes wide, found a text of 9");
  const std::vector<Column> unsized{{.name = "text", .values = std::vector<std::string>{}}};
  EXPECT_EQ(error_of([&] { TableWriter(file.root(), "u", unsized); }),
            "internal: '/u' in '" + path("t.h5").string() + "': column 'text' does not say how wide its text is");
}

TEST_F(AppendTest, ArraysGrowOverManyChunks) {
  File file = File::create(path("t.h5"));
  ArrayWriter writer(file.root(), "a/values", {.chunk = {16}, .gzip_level = 4, .fletcher32 = true});
  std::vector<double> all;
  for (const std::size_t count : {0U, 5U, 16U, 40U, 1U, 3U}) {
    std::vector<double> some(count);
    std::iota(some.begin(), some.end(), static_cast<double>(all.size()));
    writer.append(some);
    all.insert(all.end(), some.begin(), some.end());
    EXPECT_EQ(writer.size(), all.size());
  }
  writer.finish();
  ArrayWriter(file.root(), "empty").finish();
  EXPECT_EQ(file.root().read_array<double>("a/values").values, all);
  EXPECT_EQ(file.root().dims("empty"), Dims{0});
  file.close();
  EXPECT_EQ(python(path("t.h5"), "r", "v = f['a/values']; print(v.shape, v.chunks, v.compression, (v[:] == np.arange(65)).all())"),
            "(65,) (16,) gzip True\n");
}

}  // namespace
}  // namespace espalier::h5
