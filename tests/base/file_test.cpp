#include "espalier/base/file.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"

namespace espalier::base {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  template <class Call>
  std::string refusal(Call call) {
    try {
      call();
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::io);
      return e.what();
    }
    return "accepted";
  }

  fs::path folder_ = fs::temp_directory_path() / ("espalier-file-test-" + std::to_string(::getpid()));
};

TEST_F(Files, WritesWholeAndReadsBack) {
  std::string content(200000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31);
  write_file_atomically(folder_ / "a", content);
  EXPECT_EQ(read_file(folder_ / "a"), content);
  EXPECT_FALSE(fs::exists(folder_ / "a.tmp"));
  write_file_atomically(folder_ / "a", "shorter");
  EXPECT_EQ(read_file(folder_ / "a"), "shorter");
  write_file_atomically(folder_ / "empty", "");
  EXPECT_EQ(read_file(folder_ / "empty"), "");
}

TEST_F(Files, RefusalsNameFileAndReason) {
  const std::string missing = (folder_ / "missing").string();
  EXPECT_EQ(refusal([&] { read_file(missing); }), "cannot read '" + missing + "': No such file or directory");
  EXPECT_EQ(refusal([&] { write_file_atomically(folder_ / "no" / "b", "x"); }),
            "cannot create '" + (folder_ / "no" / "b.tmp").string() + "': No such file or directory");
  EXPECT_EQ(refusal([&] { publish_file(missing, folder_ / "c"); }), "cannot open '" + missing + "': No such file or directory");
}

TEST_F(Files, AFailedWriteLeavesTheOldFileAndNoTemporary) {
  write_file_atomically(folder_ / "a", "old");
  // A file size limit stands in for a full disk.
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = refusal([&] { write_file_atomically(folder_ / "a", std::string(100000, 'n')); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, testing::AllOf(testing::StartsWith("cannot write '"), testing::HasSubstr("File too large")));
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_FALSE(fs::exists(folder_ / "a.tmp"));
}

TEST_F(Files, PublishMovesTheFile) {
  write_file_atomically(folder_ / "t", "content");
  publish_file(folder_ / "t", folder_ / "final");
  EXPECT_FALSE(fs::exists(folder_ / "t"));
  EXPECT_EQ(read_file(folder_ / "final"), "content");
}

TEST_F(Files, StampIsSizeAndChecksum) {
  write_file_atomically(folder_ / "a", "content");
  const FileStamp stamp = stamp_file(folder_ / "a");
  EXPECT_EQ(stamp.size, 7U);
  EXPECT_EQ(stamp.checksum, checksum(std::string_view("content")));
  write_file_atomically(folder_ / "b", "Content");
  EXPECT_NE(stamp, stamp_file(folder_ / "b"));
}

TEST_F(Files, StampsAndCopiesOfManyBlocksAreThoseOfTheWhole) {
  std::string content;
  for (int i = 0; content.size() < 300'000; ++i) content += std::to_string(i * 7919) + "\n";
  write_file_atomically(folder_ / "a", content);
  EXPECT_EQ(stamp_file(folder_ / "a"), (FileStamp{content.size(), checksum(content)}));
  FileStamp seen;
  copy_file_atomically(folder_ / "a", folder_ / "b", [&](const FileStamp& stamp) { seen = stamp; });
  EXPECT_EQ(seen, stamp_file(folder_ / "a"));
  EXPECT_EQ(read_file(folder_ / "b"), content);
}

TEST_F(Files, ACopyThatIsNotAcceptedLeavesNothing) {
  write_file_atomically(folder_ / "a", "content");
  EXPECT_EQ(refusal([&] { copy_file_atomically(folder_ / "a", folder_ / "b", [](const FileStamp&) { fail(ErrorKind::io, "no"); }); }),
            "no");
  EXPECT_FALSE(fs::exists(folder_ / "b"));
  EXPECT_FALSE(fs::exists(folder_ / "b.tmp"));
}

}  // namespace
}  // namespace espalier::base
