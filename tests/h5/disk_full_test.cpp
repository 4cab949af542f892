// A full disk, imitated by a limit on the file size: every write beyond it fails as on a full disk.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "espalier/h5/table.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;

class DiskFull : public test::TemporaryDirectory {};

void limit_file_size(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

void write_content(const std::filesystem::path& path) {
  std::vector<double> values(3000);
  std::iota(values.begin(), values.end(), 0.1);
  File file = File::create(path);
  for (int i = 0; i < 4; ++i)
    file.root().write_array("group_" + std::to_string(i) + "/x", values, {3000}, {.gzip_level = i % 2, .fletcher32 = i % 2 == 0});
  file.root().write_attribute("text", std::string(10'000, 't'));
  write_table(file.root(), "table", {{{.name = "a", .values = values}, {.name = "b", .values = std::vector<std::string>(3000, "word")}}});
  file.close();
}

/// Ends the process with 0 if writing fails with an io error, if the descriptor is given back, and if HDF5 still works afterwards.
[[noreturn]] void try_on_full_disk(const std::filesystem::path& directory, rlim_t bytes) {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  write_content(directory / "first.h5");
  const auto before = descriptors();
  limit_file_size(bytes);
  const std::string error = error_of([&] { write_content(directory / "full.h5"); });
  limit_file_size(RLIM_INFINITY);
  int verdict = error.starts_with("io: cannot ") && error.ends_with("File too large") ? 0 : 1;
  if (descriptors() != before) verdict |= 2;
  if (error_of([&] { write_content(directory / "after.h5"); }) != "") verdict |= 4;
  if (base::read_file(directory / "first.h5").size() != base::read_file(directory / "after.h5").size()) verdict |= 8;
  if (verdict != 0) std::fprintf(stderr, "limit %lu: %s\n", static_cast<unsigned long>(bytes), error.c_str());
  std::exit(verdict);
}

TEST_F(DiskFull, IsAnErrorAtEveryPointAndLeavesTheLibraryUsable) {
  write_content(path("whole.h5"));
  const auto size = static_cast<rlim_t>(std::filesystem::file_size(path("whole.h5")));
  for (rlim_t limit = 0; limit < size; limit += size / 40) EXPECT_EXIT(try_on_full_disk(path("."), limit), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace espalier::h5
