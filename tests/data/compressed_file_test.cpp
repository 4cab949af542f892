#include "espalier/data/compressed_file.hpp"

#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "espalier/base/error.hpp"

namespace espalier::data {
namespace {

using ::testing::HasSubstr;

class CompressedFiles : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& content, const char* mode) const {
    gzFile file = gzopen(path_.c_str(), mode);
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
  }
  std::string refusal(base::ErrorKind kind, std::size_t most_bytes = 1000000) const {
    try {
      static_cast<void>(read_compressed(path_, most_bytes));
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    return "accepted";
  }

  std::filesystem::path path_ = std::filesystem::temp_directory_path() / ("espalier-compressed-" + std::to_string(::getpid()));
};

TEST_F(CompressedFiles, PlainAndGzippedAreTheSame) {
  std::string content(300000, 'a');
  for (std::size_t k = 0; k < content.size(); k += 7) content[k] = static_cast<char>(k % 251);
  for (const char* mode : {"wbT", "wb"}) {  // T: without compression and header
    write(content, mode);
    EXPECT_EQ(read_compressed(path_, content.size()), content) << mode;
  }
}

TEST_F(CompressedFiles, SaysAtWhichByteItIsDamaged) {
  write(std::string(5000, 'x'), "wb");
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 10);
  EXPECT_THAT(refusal(base::ErrorKind::data), HasSubstr("expected a complete gzip stream, found damage"));
}

TEST_F(CompressedFiles, ASmallFileMayNotGrowWithoutLimit) {
  write(std::string(1000000, '0'), "wb");
  EXPECT_LT(std::filesystem::file_size(path_), 2000U);
  EXPECT_EQ(refusal(base::ErrorKind::data, 999999), path_.string() + ": expected at most 999999 bytes of content, found more");
  EXPECT_EQ(read_compressed(path_, 1000000).size(), 1000000U);
}

TEST_F(CompressedFiles, NamesAFileThatIsNotThere) {
  EXPECT_EQ(refusal(base::ErrorKind::io), path_.string() + ": cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace espalier::data
