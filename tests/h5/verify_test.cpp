#include "espalier/h5/verify.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "espalier/h5/table.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyTest : public test::TemporaryDirectory {
 protected:
  void write() const {
    File file = File::create(path("a.h5"));
    file.root().write_array("g/x", std::vector<double>(500, 1.25), {500}, {.fletcher32 = true});
    file.root().write_attribute("text", "variable length");
    write_table(file.root(), "t", {{{.name = "a", .values = std::vector<std::string>{"one", std::string(400, 'm')}, .unit = "1"}}});
    file.close();
  }
};

TEST_F(VerifyTest, AnIntactFileHasNothingToSay) {
  write();
  EXPECT_THAT(verify_file(path("a.h5")), IsEmpty());
}

TEST_F(VerifyTest, DamageFarBehindTheFirstBlockIsFound) {
  File file = File::create(path("a.h5"));
  file.root().write_array("g/x", std::vector<double>(1'200'000, 1.25), {1'200'000}, {.fletcher32 = true});
  file.root().write_array("g/y", std::vector<double>(1'200'000, 1.25), {3, 400'000});
  file.close();
  EXPECT_THAT(verify_file(path("a.h5")), IsEmpty());
  std::string bytes = base::read_file(path("a.h5"));
  const double value = 1.25;
  const std::string pattern(reinterpret_cast<const char*>(&value), 8);
  bytes[bytes.find(pattern) + 9'000'000] ^= 1;
  std::ofstream(path("a.h5"), std::ios::binary) << bytes;
  EXPECT_THAT(verify_file(path("a.h5")), ElementsAre(HasSubstr("cannot read '/g/x' in '")));
}

TEST_F(VerifyTest, ADamagedChunkIsNamed) {
  write();
  std::string bytes = base::read_file(path("a.h5"));
  const double value = 1.25;
  const std::string pattern(reinterpret_cast<const char*>(&value), 8);
  bytes[bytes.find(pattern + pattern) + 80] ^= 1;
  std::ofstream(path("a.h5"), std::ios::binary) << bytes;
  EXPECT_THAT(verify_file(path("a.h5")), ElementsAre(HasSubstr("cannot read '/g/x' in '")));
}

TEST_F(VerifyTest, FilesThatCannotBeOpenedAreNamed) {
  EXPECT_THAT(verify_file(path("none.h5")), ElementsAre(HasSubstr("No such file")));
  std::ofstream(path("text.h5")) << "text";
  EXPECT_THAT(verify_file(path("text.h5")), ElementsAre(HasSubstr("file signature not found")));
}

TEST_F(VerifyTest, NoDamageEndsThisProcess) {
  write();
  const std::string whole = base::read_file(path("a.h5"));
  std::size_t found = 0, crashes = 0, tried = 0;
  for (std::size_t i = 0; i < whole.size(); i += whole.size() / 60 | 1) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (i % 2 == 0 ? 0xFF : 0x10));
    std::ofstream(path(std::to_string(i)), std::ios::binary) << bytes;
    const auto sentences = verify_file(path(std::to_string(i)));
    ++tried;
    found += sentences.empty() ? 0 : 1;
    for (const std::string& sentence : sentences) crashes += sentence.find("crashes") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(found, tried / 4) << "unused space and variable-length text are not checksummed";
  RecordProperty("crashes", std::to_string(crashes));
}

}  // namespace
}  // namespace espalier::h5
