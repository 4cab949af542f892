#include "espalier/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "espalier/base/error.hpp"
#include "espalier/data/idx.hpp"

namespace espalier::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// Real data: ESPALIER_DATA, else the checkout's data folder.
SearchPath real() { return {.directory = {}, .defaults = {ESPALIER_SOURCE_DIR "/data"}}; }

template <class F>
std::string refusal(F f, base::ErrorKind kind = base::ErrorKind::data) {
  try {
    f();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "accepted";
}

/// Sets or removes ESPALIER_DATA and puts it back.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* old = std::getenv("ESPALIER_DATA")) old_ = old;
    value ? ::setenv("ESPALIER_DATA", value, 1) : ::unsetenv("ESPALIER_DATA");
  }
  ~Environment() { old_.empty() ? ::unsetenv("ESPALIER_DATA") : ::setenv("ESPALIER_DATA", old_.c_str(), 1); }

 private:
  std::string old_;
};

/// Of a plain file, or of the gzipped one beside it.
std::string uncompressed(const fs::path& path) {
  const gzFile file = gzopen((fs::exists(path) ? path : fs::path(path.string() + ".gz")).c_str(), "rb");
  std::string bytes(std::size_t{50} << 20, '\0');
  const int count = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  bytes.resize(static_cast<std::size_t>(std::max(0, count)));
  return bytes;
}

class Folder : public ::testing::Test {
 protected:
  Folder() : folder_(fs::temp_directory_path() / ("espalier-data-" + std::to_string(::getpid()))) { fs::create_directories(folder_); }
  ~Folder() override { fs::remove_all(folder_); }

  void touch_files(const fs::path& place, const std::string& separator = "-", const std::string& ending = "") const {
    fs::create_directories(place);
    for (const char* part : {"train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"}) {
      std::string name(part);
      name.replace(name.rfind('-'), 1, separator);
      std::ofstream(place / (name + "-ubyte" + ending)) << "";
    }
  }

  fs::path folder_;
};

TEST_F(Folder, FindsTheNamedSubfolderThenTheFolderItself) {
  touch_files(folder_ / "a" / "mnist");
  touch_files(folder_ / "b", ".", ".gz");
  EXPECT_EQ(find_dataset("mnist", {.directory = folder_ / "a"}), folder_ / "a" / "mnist");
  EXPECT_EQ(find_dataset("fashion-mnist", {.directory = folder_ / "b"}), folder_ / "b");
  const std::string message = refusal([&] { find_dataset("fashion-mnist", {.directory = folder_ / "a"}); });
  EXPECT_THAT(message, HasSubstr((folder_ / "a" / "fashion-mnist").string()));
  EXPECT_THAT(message, HasSubstr("cluster/fetch-data.sh"));
}

TEST_F(Folder, OneMissingFileIsNotADataset) {
  touch_files(folder_);
  fs::remove(folder_ / "t10k-labels-idx1-ubyte");
  EXPECT_THAT(refusal([&] { find_dataset("mnist", {.directory = folder_}); }), HasSubstr("t10k-labels-idx1-ubyte"));
}

TEST_F(Folder, DirectoryThenEnvironmentThenDefaults) {
  touch_files(folder_ / "x" / "mnist");
  touch_files(folder_ / "y" / "mnist");
  touch_files(folder_ / "z" / "mnist");
  SearchPath where{.directory = folder_ / "x", .defaults = {folder_ / "nowhere", folder_ / "z"}};
  {
    const Environment set((folder_ / "y").c_str());
    EXPECT_EQ(find_dataset("mnist", where), folder_ / "x" / "mnist");
    where.directory.clear();
    EXPECT_EQ(find_dataset("mnist", where), folder_ / "y" / "mnist");
  }
  const Environment unset(nullptr);
  EXPECT_EQ(find_dataset("mnist", where), folder_ / "z" / "mnist");
}

TEST(Dataset, RefusesUnknownNamesAndSides) {
  EXPECT_EQ(refusal([] { load_dataset("fashion-mnits", 28); }, base::ErrorKind::configuration),
            "data set: expected one of mnist, fashion-mnist, found 'fashion-mnits' (did you mean 'fashion-mnist'?)");
  for (const int side : {0, -3, 29})
    EXPECT_THAT(refusal([&] { load_dataset("mnist", side, real()); }, base::ErrorKind::configuration),
                HasSubstr("expected a side from 1 to 28"));
}

TEST(Dataset, RealMnist) {
  const Dataset mnist = load_dataset("mnist", 28, real());
  EXPECT_EQ(mnist.train.count(), 60000u);
  EXPECT_EQ(mnist.test.count(), 10000u);
  EXPECT_EQ(mnist.train.pixels.size(), 60000u * 784u);
  EXPECT_THAT(std::vector<int>(mnist.train.labels.begin(), mnist.train.labels.begin() + 10), ElementsAre(5, 0, 4, 1, 9, 2, 1, 3, 1, 4));
  // Mean and deviation of the training pixels, as published everywhere.
  double sum = 0, squares = 0;
  for (const std::uint8_t p : mnist.train.pixels) {
    sum += p / 255.0;
    squares += (p / 255.0) * (p / 255.0);
  }
  const double n = static_cast<double>(mnist.train.pixels.size());
  EXPECT_NEAR(sum / n, 0.1307, 5e-5);
  EXPECT_NEAR(std::sqrt(squares / n - sum / n * sum / n), 0.3081, 5e-5);
}

TEST(Dataset, RealMnistResizedAsPillow) {
  const Dataset mnist = load_dataset("mnist", 18, real());
  EXPECT_EQ(mnist.train.pixels.size(), 60000u * 324u);
  // Rows 4, 5 and 12 of test image 0, by Pillow 9.4.0.
  const auto image = mnist.test.image(0);
  const auto row = [&](std::size_t i) { return std::vector<int>(image.begin() + 18 * i, image.begin() + 18 * (i + 1)); };
  EXPECT_THAT(row(4), ElementsAre(0, 0, 0, 9, 69, 83, 52, 20, 5, 5, 5, 5, 5, 3, 0, 0, 0, 0));
  EXPECT_THAT(row(5), ElementsAre(0, 0, 0, 31, 179, 198, 198, 191, 169, 172, 173, 170, 169, 108, 12, 0, 0, 0));
  EXPECT_THAT(row(12), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 49, 195, 162, 18, 0, 0, 0, 0, 0, 0));
}

TEST(Dataset, RealFashionMnistIsGzipped) {
  const Dataset fashion = load_dataset("fashion-mnist", 28, real());
  EXPECT_EQ(fashion.train.count(), 60000u);
  EXPECT_EQ(fashion.test.count(), 10000u);
  EXPECT_THAT(std::vector<int>(fashion.test.labels.begin(), fashion.test.labels.begin() + 10), ElementsAre(9, 2, 1, 1, 6, 1, 4, 6, 5, 7));
}

TEST_F(Folder, RefusesMnistInThePlaceOfFashionMnist) {
  const fs::path mnist = find_dataset("mnist", real());
  EXPECT_THAT(refusal([&] { load_dataset("fashion-mnist", 28, {.directory = mnist}); }),
              HasSubstr("t10k-images-idx3-ubyte: expected the test images of fashion-mnist, found those of mnist"));
}

TEST_F(Folder, EveryByteOfEveryFileIsChecked) {
  for (const char* name : {"mnist", "fashion-mnist"}) {
    const fs::path published = find_dataset(name, real());
    for (const fs::path& file : {fs::path("train-images-idx3-ubyte"), fs::path("train-labels-idx1-ubyte"),
                                 fs::path("t10k-images-idx3-ubyte"), fs::path("t10k-labels-idx1-ubyte")}) {
      const fs::path place = folder_ / name;
      fs::remove_all(place);
      fs::create_directories(place);
      for (const auto& entry : fs::directory_iterator(published)) fs::create_symlink(entry.path(), place / entry.path().filename());
      std::string bytes = uncompressed(published / file);
      const std::size_t middle = bytes.size() / 2;
      bytes[middle] = static_cast<char>(bytes[middle] ^ 1);
      fs::remove(place / file);
      fs::remove(place / (file.string() + ".gz"));
      std::ofstream(place / file, std::ios::binary) << bytes;
      const std::string message = refusal([&] { check_dataset(name, {.directory = place}); });
      EXPECT_THAT(message, AllOf(HasSubstr((place / file).string() + ": expected the published "), HasSubstr(std::string(" of ") + name),
                                 HasSubstr("damaged or of another data set")));
    }
  }
}

TEST(Dataset, ContentHashes) {
  EXPECT_EQ(content_hash("mnist"), "2f099ef68a200f4d5b47465e142775c5");
  EXPECT_EQ(content_hash("fashion-mnist"), "6c2ec12f7443f07292f955395a7c00fa");
  EXPECT_THAT(refusal([] { content_hash("cifar"); }, base::ErrorKind::configuration), HasSubstr("found 'cifar'"));
}

TEST_F(Folder, RefusesALabelAboveNine) {
  const fs::path mnist = find_dataset("mnist", real());
  for (const auto& entry : fs::directory_iterator(mnist)) fs::copy(entry, folder_);
  std::vector<std::uint8_t> labels = read_idx(mnist / "t10k-labels-idx1-ubyte", {10000});
  labels[4321] = 10;
  std::ofstream file(folder_ / "t10k-labels-idx1-ubyte", std::ios::binary);
  file.write("\0\0\x08\x01\0\0\x27\x10", 8);
  file.write(reinterpret_cast<const char*>(labels.data()), 10000);
  file.close();
  EXPECT_THAT(refusal([&] { load_dataset("mnist", 28, {.directory = folder_}); }),
              HasSubstr((folder_ / "t10k-labels-idx1-ubyte").string() + ": byte 4329: expected a label 0..9, found 10"));
}

TEST(Samples, InputIsThePixelAsFloat) {
  const Samples samples{.side = 2, .pixels = {0, 51, 255, 1, 2, 3, 4, 5}, .labels = {7, 1}};
  EXPECT_EQ(samples.input(0), Eigen::Vector4d(0, 0.2f, 1, 1 / 255.0f));
  EXPECT_EQ(samples.image(1)[3], 5);
  EXPECT_EQ(refusal([&] { samples.input(2); }), "image 2: expected an index below 2");
}

}  // namespace
}  // namespace espalier::data
