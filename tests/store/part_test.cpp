#include "espalier/store/part.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "h5/temporary_directory.hpp"

namespace espalier::store {
namespace {

using test::error_of;
using ::testing::StartsWith;

class PartTest : public test::TemporaryDirectory {};

const task::StageKey key{0xABCD000000000001ULL, 0x2ULL};

TEST_F(PartTest, IsPublishedUnderItsKeyWithSizeAndChecksum) {
  EXPECT_EQ(part_name(key), "parts/ab/abcd0000000000010000000000000002.h5");
  const auto temporary = temporary_part_path(path("out"), key, {5});
  EXPECT_NE(temporary, temporary_part_path(path("out"), key, {6}));
  EXPECT_EQ(temporary.extension(), ".tmp");
  std::ofstream(temporary) << "content";
  const task::PartFile part = publish_part(path("out"), temporary, key);
  EXPECT_EQ(part.name, part_name(key));
  EXPECT_EQ(part.stamp.size, 7U);
  EXPECT_FALSE(std::filesystem::exists(temporary));
  EXPECT_EQ(base::read_file(path("out") / part.name), "content");
  EXPECT_EQ(check_part(path("out"), part), "");
}

TEST_F(PartTest, DamageIsFoundAndNamed) {
  const auto temporary = temporary_part_path(path("out"), key, {5});
  std::ofstream(temporary) << "content";
  const task::PartFile part = publish_part(path("out"), temporary, key);
  std::ofstream(path("out") / part.name) << "cantent";
  EXPECT_THAT(check_part(path("out"), part), StartsWith("expected checksum "));
  std::ofstream(path("out") / part.name) << "short";
  EXPECT_EQ(check_part(path("out"), part), "expected 7 bytes, found 5");
  std::filesystem::remove(path("out") / part.name);
  EXPECT_EQ(check_part(path("out"), part), "the file is missing");
}

TEST_F(PartTest, PublishingWhatIsNotThereIsAnError) {
  EXPECT_THAT(error_of([&] { publish_part(path("out"), path("nothing"), key); }), StartsWith("io: "));
}

}  // namespace
}  // namespace espalier::store
