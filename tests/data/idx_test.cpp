#include "espalier/data/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <numeric>

#include "espalier/base/error.hpp"

namespace espalier::data {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// Two images of 2 x 3 pixels, 0..11.
std::string valid_content() {
  std::string content("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03", 16);
  for (char c = 0; c < 12; ++c) content.push_back(c);
  return content;
}

class Idx : public ::testing::Test {
 protected:
  Idx() : folder_(fs::temp_directory_path() / ("espalier-idx-" + std::to_string(::getpid()))) { fs::create_directories(folder_); }
  ~Idx() override { fs::remove_all(folder_); }

  fs::path plain(const std::string& content) const {
    const fs::path path = folder_ / "images";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  fs::path gzipped(const std::string& content) const {
    const fs::path path = folder_ / "images-without-an-ending";
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
    return path;
  }
  static std::string refusal(const fs::path& path, base::ErrorKind kind = base::ErrorKind::data) {
    try {
      read_idx(path, {2, 2, 3});
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
      return error.what();
    }
    return "accepted";
  }

  fs::path folder_;
};

TEST_F(Idx, ReadsPlainAndGzippedByContent) {
  std::vector<std::uint8_t> expected(12);
  std::iota(expected.begin(), expected.end(), std::uint8_t{0});
  EXPECT_EQ(read_idx(plain(valid_content()), {2, 2, 3}), expected);
  EXPECT_EQ(read_idx(gzipped(valid_content()), {2, 2, 3}), expected);
}

TEST_F(Idx, RefusesAWrongMagicNumber) {
  std::string content = valid_content();
  content[3] = 1;
  EXPECT_THAT(refusal(plain(content)),
              HasSubstr("byte 0: expected magic number 0x00000803 (IDX, unsigned bytes, 3 dimensions), found 0x00000801"));
  content = valid_content();
  content[2] = 0x0D;  // floats
  EXPECT_THAT(refusal(gzipped(content)), HasSubstr("found 0x00000d03"));
}

TEST_F(Idx, RefusesAWrongExtent) {
  std::string content = valid_content();
  content[7] = 7;
  EXPECT_THAT(refusal(plain(content)), HasSubstr("byte 4: expected extent 2 in dimension 0, found 7"));
  content = valid_content();
  content[12] = 1;
  EXPECT_THAT(refusal(plain(content)), HasSubstr("byte 12: expected extent 3 in dimension 2, found 16777219"));
}

TEST_F(Idx, RefusesAnyTruncation) {
  const std::string content = valid_content();
  for (std::size_t size = 0; size < content.size(); ++size) {
    const std::string message = refusal(plain(content.substr(0, size)));
    EXPECT_THAT(message, HasSubstr("end of the file")) << size;
  }
  EXPECT_THAT(refusal(plain(content.substr(0, 20))), HasSubstr("byte 20: expected 8 more bytes (28 in all), found the end of the file"));
}

TEST_F(Idx, RefusesBytesBehindTheEnd) {
  EXPECT_THAT(refusal(plain(valid_content() + "x")), HasSubstr("byte 28: expected the end of the file, found more bytes"));
}

TEST_F(Idx, RefusesADamagedGzipStream) {
  const fs::path path = gzipped(valid_content());
  std::string bytes(fs::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (std::size_t size = 11; size < bytes.size(); ++size) EXPECT_NE(refusal(plain(bytes.substr(0, size))), "accepted") << size;
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);  // the stored CRC
  EXPECT_THAT(refusal(plain(bytes)), HasSubstr("expected a complete gzip stream, found damage"));
}

TEST_F(Idx, NamesAFileThatIsNotThere) { EXPECT_THAT(refusal(folder_ / "nothing", base::ErrorKind::io), HasSubstr("No such file")); }

}  // namespace
}  // namespace espalier::data
