// The recomputation of results reads files that others may have made.
#include "espalier/stages/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/h5/table.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::stages {
namespace {

class Verify : public test::TemporaryDirectory {
 protected:
  /// A results file without rows, and the place of one array in `clean_input`, which has three numbers.
  std::filesystem::path results(std::int64_t offset, std::int64_t length, bool with_region = false) const {
    h5::Table solves;
    if (with_region) solves.columns.push_back({.name = "problem_region", .values = std::vector<std::string>{}});
    for (const char* name : {"key", "status", "dense_network", "solve_status"})
      solves.columns.push_back({.name = name, .values = std::vector<std::string>{}});
    for (const char* name : {"label", "target"}) solves.columns.push_back({.name = name, .values = std::vector<std::int64_t>{}});
    for (const char* name : {"problem_epsilon", "verified_objective", "verified_objective_float32", "distance"})
      solves.columns.push_back({.name = name, .values = std::vector<double>{}});
    for (const char* name : {"adversarial", "class_changed"}) solves.columns.push_back({.name = name, .values = std::vector<bool>{}});
    h5::Table index;
    for (const auto& [name, value] : {std::pair{"row", std::int64_t{0}}, {"offset", offset}, {"length", length}})
      index.columns.push_back({.name = name, .values = std::vector<std::int64_t>{value}});
    h5::File file = h5::File::create(path("results.h5"));
    const h5::Group root = file.root();
    h5::write_table(root, "solves", solves);
    if (with_region) root.open_object("solves").write_attribute("unit.problem_region", std::string());
    const h5::Group array = root.create_group("arrays").create_group("solves").create_group("clean_input");
    constexpr std::array<double, 3> values{0.1, 0.2, 0.3};
    array.write_array("values", std::span<const double>(values), {3});
    h5::write_table(array, "index", index);
    file.close();
    return path("results.h5");
  }
};

TEST_F(Verify, PlacesOfArraysBeyondTheFileAreRefusedWhateverTheirSum) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(verify_results(results(0, 3)).solves, 0);
  EXPECT_EQ(verify_results(results(3, 0)).solves, 0);
  for (const auto& [offset, length] :
       {std::pair<std::int64_t, std::int64_t>{1, 3}, {4, 0}, {0, most}, {most, 1}, {most, most}, {-1, 1}, {1, -1}}) {
    try {
      verify_results(results(offset, length));
      FAIL() << offset << " " << length;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("/arrays/solves/clean_input/index[0] reaches beyond")) << offset << " " << length;
    }
  }
}

TEST_F(Verify, ARegionNeedsTheSideOfItsImages) {
  try {
    verify_results(results(0, 3, true));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("dataset_side"));
  }
}

}  // namespace
}  // namespace espalier::stages
