#include "espalier/base/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "espalier/base/error.hpp"

namespace espalier::base {
namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

TEST(Descriptor, ClosesWhatItOwnsOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  {
    Descriptor first(ends[0]);
    Descriptor second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), ends[0]);
    second = Descriptor(ends[1]);
    EXPECT_FALSE(is_open(ends[0])) << "what is assigned to closes what it had";
    EXPECT_TRUE(is_open(ends[1]));
  }
  EXPECT_FALSE(is_open(ends[1]));
}

TEST(Descriptor, ReleasedStaysOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Descriptor reader(ends[0]);
  EXPECT_EQ(Descriptor(ends[1]).release(), ends[1]);
  EXPECT_TRUE(is_open(ends[1]));
  ::close(ends[1]);
}

class OpenFile : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("espalier-descriptor-test-" + std::to_string(::getpid()));
};

TEST_F(OpenFile, ReadsAndWritesAtPlaces) {
  const File file(folder_ / "file", O_RDWR | O_CREAT, "create");
  file.write("abc");
  file.write_at(5, "fg");
  EXPECT_EQ(file.size(), 7U);
  std::string bytes(4, '?');
  EXPECT_EQ(file.read_at(5, bytes), 2U) << "fewer only at the end";
  EXPECT_EQ(bytes, "fg??");
  EXPECT_EQ(file.read_at(7, bytes), 0U);
  EXPECT_EQ(file.read(bytes), 4U) << "goes on where it wrote last";
  EXPECT_EQ(bytes, std::string("\0\0fg", 4));
  file.truncate(2);
  EXPECT_EQ(file.size(), 2U);
}

/// The sentence of what `act` throws.
template <class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    return error.what();
  }
  return "nothing was thrown";
}

TEST_F(OpenFile, NamesWhatTheSystemRefuses) {
  const std::string path = (folder_ / "absent").string();
  EXPECT_EQ(refusal([&] { File(path, O_RDONLY, "open"); }), "cannot open '" + path + "': No such file or directory");
  const File file(path, O_WRONLY | O_CREAT, "create");
  std::string bytes(1, '?');
  EXPECT_EQ(refusal([&] { static_cast<void>(file.read(bytes)); }), "cannot read '" + path + "': Bad file descriptor");
  EXPECT_EQ(refusal([] { File("/dev/full", O_WRONLY, "open").write("x"); }), "cannot write '/dev/full': No space left on device");
}

TEST_F(OpenFile, CloseIsAskedOnce) {
  File file(folder_ / "file", O_WRONLY | O_CREAT, "create");
  const int descriptor = file.get();
  file.close();
  EXPECT_FALSE(is_open(descriptor));
  EXPECT_EQ(file.get(), -1);
}

}  // namespace
}  // namespace espalier::base
