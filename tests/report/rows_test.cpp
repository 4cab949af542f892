#include "espalier/report/rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <sstream>

#include "espalier/base/error.hpp"
#include "espalier/h5/table.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::report {
namespace {

using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class Rows : public test::TemporaryDirectory {
 protected:
  void SetUp() override {
    TemporaryDirectory::SetUp();
    path_ = path("rows.h5");
    const h5::File file = h5::File::create(path_);
    h5::Table solves;
    solves.columns = {{.name = "key", .values = std::vector<std::string>{"a", "b", "", "d"}},
                      {.name = "solver", .values = std::vector<std::string>{"bab", "external:a \"b\", c", "line\nend", "\xC3\xA9"}},
                      {.name = "seconds", .values = std::vector<double>{0.1, nan, 1e300, -std::numeric_limits<double>::infinity()}},
                      {.name = "nodes", .values = std::vector<std::int64_t>{7, -1, 0, 9007199254740993}},
                      {.name = "found", .values = std::vector<bool>{true, false, true, false}}};
    h5::write_table(file.root(), "solves", solves);
    file.root().open_object("solves").write_attribute("missing.nodes", std::int64_t{-1});
    h5::Table many;
    std::vector<std::int64_t> numbers(10'000);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i);
    many.columns = {{.name = "number", .values = numbers}};
    h5::write_table(file.root(), "many", many);
    file.root().create_group("arrays");
  }

  std::string rows(const RowQuery& query) const {
    std::ostringstream out;
    write_rows(path_, query, out);
    return out.str();
  }

  std::string refusal(const RowQuery& query) const {
    try {
      return "accepted: " + rows(query);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
      return error.what();
    }
  }

  std::string where(const std::vector<std::string>& conditions) const { return rows({.columns = {"key"}, .conditions = conditions}); }

  std::filesystem::path path_;
};

TEST_F(Rows, AreCsvWithEmptyFieldsForNoValue) {
  EXPECT_EQ(rows({}),
            "key,solver,seconds,nodes,found\n"
            "a,bab,0.1,7,true\n"
            "b,\"external:a \"\"b\"\", c\",,,false\n"
            ",\"line\nend\",1e+300,0,true\n"
            "d,\xC3\xA9,-inf,9007199254740993,false\n");
}

TEST_F(Rows, AreJsonLinesWithNullForNoValue) {
  EXPECT_EQ(rows({.format = RowFormat::json_lines}),
            "{\"key\":\"a\",\"solver\":\"bab\",\"seconds\":0.1,\"nodes\":7,\"found\":true}\n"
            "{\"key\":\"b\",\"solver\":\"external:a \\\"b\\\", c\",\"seconds\":null,\"nodes\":null,\"found\":false}\n"
            "{\"key\":null,\"solver\":\"line\\nend\",\"seconds\":1e+300,\"nodes\":0,\"found\":true}\n"
            "{\"key\":\"d\",\"solver\":\"\xC3\xA9\",\"seconds\":\"-inf\",\"nodes\":9007199254740993,\"found\":false}\n");
}

TEST_F(Rows, ColumnsAreChosenAndOrdered) {
  EXPECT_EQ(rows({.columns = {"nodes", "key"}, .conditions = {"found=true"}}), "nodes,key\n7,a\n0,\n");
}

TEST_F(Rows, AllConditionsMustHold) {
  EXPECT_EQ(where({"nodes>=0"}), "key\na\n\nd\n") << "no value meets no condition";
  EXPECT_EQ(where({"nodes>=0", "nodes<7"}), "key\n\n");
  EXPECT_EQ(where({"nodes!=7"}), "key\n\nd\n");
  EXPECT_EQ(where({"nodes<=7", "nodes>0"}), "key\na\n");
  EXPECT_EQ(where({"seconds="}), "key\nb\n");
  EXPECT_EQ(where({"seconds!="}), "key\na\n\nd\n");
  EXPECT_EQ(where({"seconds<0.2"}), "key\na\nd\n");
  EXPECT_EQ(where({"seconds=1e-1"}), "key\na\n");
  EXPECT_EQ(where({"key!="}), "key\na\nb\nd\n");
  EXPECT_EQ(where({"solver!=bab", "found!=true"}), "key\nb\nd\n");
  EXPECT_EQ(where({"solver=external:a \"b\", c"}), "key\nb\n") << "the value goes to the end";
}

TEST_F(Rows, AreReadInBlocks) {
  EXPECT_EQ(rows({.table = "many", .conditions = {"number>=4094", "number<4099"}}), "number\n4094\n4095\n4096\n4097\n4098\n");
  EXPECT_EQ(rows({.table = "many", .conditions = {"number=9999"}}), "number\n9999\n");
}

TEST_F(Rows, WhatDoesNotExistIsRefusedByName) {
  EXPECT_EQ(refusal({.table = "solve"}), "there is no table 'solve' (did you mean 'solves'?); there are: many, solves");
  EXPECT_EQ(refusal({.table = "arrays"}), "there is no table 'arrays'; there are: many, solves");
  EXPECT_EQ(refusal({.columns = {"node"}}), "--columns: there is no column 'node' (did you mean 'nodes'?)");
  EXPECT_EQ(refusal({.columns = {"key", "nodes", "key"}}), "--columns: key stands twice");
  EXPECT_EQ(refusal({.conditions = {"speed>1"}}),
            "--where speed>1: there is no column 'speed'; there are: key, solver, seconds, nodes, found");
  EXPECT_EQ(refusal({.conditions = {"nodes"}}),
            "--where nodes: expected a column, one of = != < <= > >=, and a value, as in prune_rate>=0.5");
  EXPECT_THAT(refusal({.conditions = {"nodes!7"}}), HasSubstr("expected a column, one of"));
  EXPECT_EQ(refusal({.conditions = {"nodes>"}}), "--where nodes>: expected a value to compare with, found none");
  EXPECT_EQ(refusal({.conditions = {"nodes>few"}}), "--where nodes>few: column nodes is a number: expected one, found 'few'");
  EXPECT_EQ(refusal({.conditions = {"solver<b"}}), "--where solver<b: column solver is no number: expected = or !=");
  EXPECT_EQ(refusal({.conditions = {"found=yes"}}), "--where found=yes: expected true or false, found 'yes'");
}

}  // namespace
}  // namespace espalier::report
