#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "espalier/h5/file.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;
using test::python;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ArrayTest : public test::TemporaryDirectory {};

TEST_F(ArrayTest, EveryTypeComesBackWithItsExtent) {
  File file = File::create(path("a.h5"));
  const Group root = file.root();
  root.write_array("float", std::vector<float>{0.1F, -2, 3, 4, 5, 6}, {2, 3});
  root.write_array("double", std::vector<double>{0.1, 1e300}, {1, 2, 1});
  root.write_array("int64", std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), 7}, {2});
  root.write_array("int32", std::vector<std::int32_t>{-1, 2, 3}, {3, 1});
  root.write_array("uint8", std::vector<std::uint8_t>{0, 255}, {2});
  const bool flags[] = {true, false, true};
  root.write_array("bool", flags, {3});
  root.write_array("scalar", std::vector<double>{2.5}, {});
  file.close();

  const File again = File::open_read_only(path("a.h5"));
  EXPECT_THAT(again.root().children(), ElementsAre("bool", "double", "float", "int32", "int64", "scalar", "uint8"));
  EXPECT_THAT(again.root().read_array<float>("float").values, ElementsAre(0.1F, -2, 3, 4, 5, 6));
  EXPECT_THAT(again.root().dims("float"), ElementsAre(2, 3));
  EXPECT_THAT(again.root().read_array<double>("double").values, ElementsAre(0.1, 1e300));
  EXPECT_THAT(again.root().read_array<double>("double").dims, ElementsAre(1, 2, 1));
  EXPECT_THAT(again.root().read_array<std::int64_t>("int64").values, ElementsAre(std::numeric_limits<std::int64_t>::min(), 7));
  EXPECT_THAT(again.root().read_array<std::int32_t>("int32").values, ElementsAre(-1, 2, 3));
  EXPECT_THAT(again.root().read_array<std::uint8_t>("uint8").values, ElementsAre(0, 255));
  EXPECT_THAT(again.root().read_array<bool>("bool").values, ElementsAre(true, false, true));
  EXPECT_THAT(again.root().read_array<double>("scalar").dims, ElementsAre());
}

TEST_F(ArrayTest, FiltersAndChunksKeepTheValues) {
  std::vector<double> values(300 * 70);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
  File file = File::create(path("a.h5"));
  file.root().write_array("auto", values, {300, 70}, {.gzip_level = 4, .shuffle = true, .fletcher32 = true});
  file.root().write_array("chunk", values, {300, 70}, {.chunk = {1000, 7}, .gzip_level = 1});
  file.root().write_array("empty", std::vector<double>{}, {0, 70}, {.gzip_level = 4, .fletcher32 = true});
  file.close();
  const File again = File::open_read_only(path("a.h5"));
  EXPECT_EQ(again.root().read_array<double>("auto").values, values);
  EXPECT_EQ(again.root().read_array<double>("chunk").values, values);
  EXPECT_THAT(again.root().read_array<double>("empty").dims, ElementsAre(0, 70));
  EXPECT_EQ(python(path("a.h5"), "r", "d = f['auto']; print(d.compression, d.shuffle, d.fletcher32, f['chunk'].chunks)"),
            "gzip True True (300, 7)\n");
}

TEST_F(ArrayTest, H5pyReadsWhatWeWrite) {
  File file = File::create(path("a.h5"));
  const Group layer = file.root().create_group("network/layer_0");
  layer.write_array("weight", std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  const bool flags[] = {true, false};
  layer.write_array("flags", flags, {2});
  file.close();
  EXPECT_EQ(python(path("a.h5"), "r",
                   "l = f['network/layer_0']\n"
                   "print(l['weight'].dtype, l['weight'].shape, l['weight'][1, 0], l['weight'][0, 2])\n"
                   "print(l['flags'].dtype, list(l['flags'][:]))"),
            "float32 (2, 3) 4.0 3.0\nbool [True, False]\n");
}

TEST_F(ArrayTest, WeReadWhatH5pyWrites) {
  python(path("a.h5"), "w",
         "f['w'] = np.arange(6, dtype='>f4').reshape(2, 3)\n"
         "f['half'] = np.array([0.5, 1.5], dtype='f2')\n"
         "f['flags'] = np.array([[True], [False]])\n"
         "f['u16'] = np.array([1, 65535], dtype='u2')\n"
         "f.create_dataset('g/z', data=np.ones((20, 3)), compression='lzf', chunks=(7, 2))");
  const File file = File::open_read_only(path("a.h5"));
  const Array<float> w = file.root().read_array_of_rank<float>("w", 2);
  EXPECT_THAT(w.dims, ElementsAre(2, 3));
  EXPECT_THAT(w.values, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(file.root().read_array<float>("half").values, ElementsAre(0.5F, 1.5F));
  EXPECT_THAT(file.root().read_array<bool>("flags").values, ElementsAre(true, false));
  EXPECT_THAT(file.root().read_array<std::uint8_t>("flags").values, ElementsAre(1, 0));
  EXPECT_THAT(file.root().read_array<std::int64_t>("u16").values, ElementsAre(1, 65535));
}

TEST_F(ArrayTest, ConversionsHappenOnlyWhereExact) {
  File file = File::create(path("a.h5"));
  const Group root = file.root();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  root.write_array("half", std::vector<double>{0.5, nan, 3}, {3});
  root.write_array("tenth", std::vector<double>{0.5, 0.1}, {2});
  root.write_array("big", std::vector<std::int64_t>{(std::int64_t{1} << 53) + 1}, {1});
  root.write_array("whole", std::vector<double>{3, -4}, {2});
  root.write_array("huge", std::vector<double>{0x1p63}, {1});
  root.write_array("max", std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max()}, {1});
  EXPECT_TRUE(std::isnan(root.read_array<float>("half").values[1]));
  EXPECT_THAT(root.read_array<std::int64_t>("whole").values, ElementsAre(3, -4));
  EXPECT_EQ(error_of([&] { root.read_array<float>("tenth"); }),
            "data: '/tenth' in '" + path("a.h5").string() +
                "': expected float32, found float64 whose element 1 is 0.1, which float32 cannot hold exactly");
  EXPECT_THAT(error_of([&] { root.read_array<double>("big"); }), HasSubstr("element 0 is 9007199254740993, which float64 cannot hold"));
  EXPECT_THAT(error_of([&] { root.read_array<double>("max"); }), HasSubstr("which float64 cannot hold"));
  EXPECT_THAT(error_of([&] { root.read_array<std::int64_t>("huge"); }), HasSubstr("which int64 cannot hold"));
  EXPECT_THAT(error_of([&] { root.read_array<std::int64_t>("half"); }), HasSubstr("element 0 is 0.5, which int64 cannot hold"));
  EXPECT_THAT(error_of([&] { root.read_array<std::uint8_t>("whole"); }), HasSubstr("element 1 is -4, which uint8 cannot hold"));
  EXPECT_THAT(error_of([&] { root.read_array<bool>("whole"); }), HasSubstr("element 0 is 3, which boolean cannot hold"));
}

TEST_F(ArrayTest, RefusalsSayWhatWasExpected) {
  File file = File::create(path("a.h5"));
  const Group root = file.root();
  root.write_array("weight", std::vector<float>(6), {2, 3});
  root.create_group("group").write_attribute("x", "y");
  const std::string where = "' in '" + path("a.h5").string() + "': ";
  EXPECT_EQ(error_of([&] { root.read_array<float>("wieght"); }),
            "data: '/wieght" + where + "expected a dataset, found nothing of that name (did you mean 'weight'?)");
  EXPECT_EQ(error_of([&] { root.read_array<float>("group"); }), "data: '/group" + where + "expected a dataset, found a group");
  EXPECT_EQ(error_of([&] { root.open_group("weight"); }), "data: '/weight" + where + "expected a group, found a dataset");
  EXPECT_EQ(error_of([&] { root.read_array_of_rank<float>("weight", 1); }), "data: '/weight" + where + "expected 1 dimension, found 2");
  EXPECT_EQ(error_of([&] {
              root.read_array_of_dims<float>("weight", {3, 2});
            }),
            "data: '/weight" + where + "expected an array of (3, 2), found one of (2, 3)");
  EXPECT_EQ(error_of([&] {
              root.write_array("x", std::vector<float>(5), {2, 3});
            }),
            "internal: '/x" + where + "5 values do not fill an array of (2, 3)");
  EXPECT_EQ(error_of([&] {
              root.write_array("weight", std::vector<float>(6), {2, 3});
            }),
            "data: cannot create '/weight' in '" + path("a.h5").string() + "': there is already an object of that name");
  file.close();
  python(path("a.h5"), "r+", "f['text'] = 'hello'");
  const File again = File::open_read_only(path("a.h5"));
  EXPECT_EQ(error_of([&] { again.root().read_array<float>("text"); }),
            "data: '/text" + where + "expected an array of float32, found one of text");
}

TEST_F(ArrayTest, AnExtentThatTheFileCannotHoldIsRefusedBeforeMemoryIsTaken) {
  python(path("a.h5"), "w", "f.create_dataset('sparse', shape=(1 << 40,), dtype='f8', chunks=(1024,))");
  const File file = File::open_read_only(path("a.h5"));
  EXPECT_THAT(error_of([&] { file.root().read_array<double>("sparse"); }),
              HasSubstr("its extent claims 1099511627776 elements of 8 bytes, but the file stores only 0"));
}

TEST_F(ArrayTest, DamagedChunksAreDetected) {
  std::vector<double> values(4096, 1.25);
  File file = File::create(path("a.h5"));
  file.root().write_array("x", values, {4096}, {.fletcher32 = true});
  file.close();
  std::string bytes = base::read_file(path("a.h5"));
  const double value = 1.25;
  const std::size_t at =
      bytes.find(std::string(reinterpret_cast<const char*>(&value), 8) + std::string(reinterpret_cast<const char*>(&value), 8));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 800] ^= 1;
  base::write_file_atomically(path("a.h5"), bytes);
  const File again = File::open_read_only(path("a.h5"));
  EXPECT_THAT(error_of([&] { again.root().read_array<double>("x"); }), HasSubstr("cannot read '/x' in"));
}

}  // namespace
}  // namespace espalier::h5
