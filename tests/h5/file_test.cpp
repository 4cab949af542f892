#include "espalier/h5/file.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;
using test::python;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FileTest : public test::TemporaryDirectory {};

TEST_F(FileTest, GroupsAreListedOpenedCopiedAndRemoved) {
  File a = File::create(path("a.h5"));
  a.root().create_group("z");
  const Group group = a.root().create_group("x/y");
  group.write_array("values", std::vector<double>{1, 2}, {2});
  group.write_attribute("unit", "s");
  EXPECT_TRUE(a.root().exists("x/y/values"));
  EXPECT_FALSE(a.root().exists("x/q/values"));
  EXPECT_TRUE(a.root().is_group("x"));
  EXPECT_TRUE(a.root().is_dataset("x/y/values"));
  EXPECT_EQ(a.root().open_group("x/y").path(), "/x/y");

  File b = File::create(path("b.h5"));
  copy_object(a.root(), "x", b.root(), "copies/of_x");
  EXPECT_THAT(b.root().read_array<double>("copies/of_x/y/values").values, ElementsAre(1, 2));
  EXPECT_EQ(b.root().open_object("copies/of_x/y").read_attribute<std::string>("unit"), "s");
  EXPECT_THAT(error_of([&] { copy_object(a.root(), "nothing", b.root(), "n"); }), HasSubstr("found nothing of that name"));
  EXPECT_THAT(error_of([&] { copy_object(a.root(), "x", b.root(), "copies"); }), HasSubstr("there is already a group of that name"));

  a.root().remove("x");
  EXPECT_THAT(a.root().children(), ElementsAre("z"));
}

TEST_F(FileTest, AttributesRoundTripThroughH5py) {
  File file = File::create(path("a.h5"));
  const std::string long_text(200'000, 'x');
  file.root().write_attribute("text", "Grüße");
  file.root().write_attribute("empty", "");
  file.root().write_attribute("long", long_text);
  file.root().write_attribute("real", 0.1);
  file.root().write_attribute("integer", 42);
  file.root().write_attribute("yes", true);
  file.root().write_attribute("reals", std::vector<double>{0.5, 1.5});
  file.root().write_attribute("none", std::vector<double>{});
  file.root().write_attribute("words", std::vector<std::string>{"a", "bc"});
  file.root().write_attribute("integer", 43);  // replaces
  EXPECT_EQ(file.root().read_attribute<std::string>("long"), long_text);
  EXPECT_EQ(file.root().read_attribute<std::string>("empty"), "");
  EXPECT_TRUE(file.root().read_attribute<bool>("yes"));
  EXPECT_THAT(file.root().read_attribute<std::vector<double>>("none"), ElementsAre());
  EXPECT_THAT(file.root().read_attribute<std::vector<std::string>>("words"), ElementsAre("a", "bc"));
  EXPECT_EQ(file.root().read_attribute<std::int64_t>("absent", 5), 5);
  file.close();
  EXPECT_EQ(python(path("a.h5"), "r",
                   "a = f.attrs\n"
                   "print(a['text'], len(a['long']), a['real'], a['integer'], a['yes'], type(a['yes']).__name__, list(a['reals']), "
                   "list(a['words']), "
                   "repr(a['empty']), a['none'].shape)"),
            "Grüße 200000 0.1 43 True bool_ [0.5, 1.5] ['a', 'bc'] '' (0,)\n");
}

TEST_F(FileTest, AttributesThatH5pyWrites) {
  python(path("a.h5"), "w",
         "f.attrs['text'] = 'l1'; f.attrs['bytes'] = np.bytes_(b'abc'); f.attrs['label'] = 3; f.attrs['small'] = np.uint8(200)\n"
         "f.attrs['epsilon'] = 5.5; f.attrs['single'] = np.array([7]); f.attrs['flag'] = True; f.attrs['list'] = [1, 2, 3]\n"
         "f.attrs['single_precision'] = np.float32(0.5); f.attrs['huge'] = np.uint64(2**63); f.attrs['nothing'] = h5py.Empty('f8')");
  const File file = File::open_read_only(path("a.h5"));
  const Group root = file.root();
  EXPECT_EQ(root.read_attribute<std::string>("text"), "l1");
  EXPECT_EQ(root.read_attribute<std::string>("bytes"), "abc");
  EXPECT_EQ(root.read_attribute<std::int64_t>("label"), 3);
  EXPECT_EQ(root.read_attribute<std::int64_t>("small"), 200);
  EXPECT_EQ(root.read_attribute<double>("label"), 3.0);
  EXPECT_EQ(root.read_attribute<double>("single_precision"), 0.5);
  EXPECT_EQ(root.read_attribute<std::int64_t>("single"), 7);
  EXPECT_TRUE(root.read_attribute<bool>("flag"));
  EXPECT_THAT(root.read_attribute<std::vector<std::int64_t>>("list"), ElementsAre(1, 2, 3));
  EXPECT_THAT(root.read_attribute<std::vector<double>>("nothing"), ElementsAre());
  const std::string where = "attribute '", file_name = "' in '" + path("a.h5").string() + "': ";
  EXPECT_EQ(error_of([&] { root.read_attribute<std::int64_t>("epsilon"); }),
            "data: '/' attribute 'epsilon" + file_name + "expected an integer, found float64");
  EXPECT_EQ(error_of([&] { root.read_attribute<double>("text"); }),
            "data: '/' attribute 'text" + file_name + "expected a real number, found text");
  EXPECT_EQ(error_of([&] { root.read_attribute<bool>("label"); }),
            "data: '/' attribute 'label" + file_name + "expected a boolean, found 3");
  EXPECT_EQ(error_of([&] { root.read_attribute<std::int64_t>("list"); }),
            "data: '/' attribute 'list" + file_name + "expected one value, found 3");
  EXPECT_EQ(error_of([&] { root.read_attribute<std::int64_t>("huge"); }),
            "data: '/' attribute 'huge" + file_name + "expected int64, found 9223372036854775808");
  EXPECT_EQ(error_of([&] { root.read_attribute<double>("epsilom"); }),
            "data: '/" + file_name + "expected an attribute 'epsilom', found none of that name (did you mean 'epsilon'?)");
}

TEST_F(FileTest, RefusalsNameFileAndReason) {
  EXPECT_EQ(error_of([&] { File::open_read_only(path("absent.h5")); }),
            "io: cannot open as HDF5 file '" + path("absent.h5").string() + "': No such file or directory");
  EXPECT_EQ(error_of([&] { File::create(path("no/such/folder.h5")); }),
            "io: cannot create HDF5 file '" + path("no/such/folder.h5").string() + "': No such file or directory");
  EXPECT_EQ(error_of([&] { File::open_read_only(path(".")); }),
            "io: cannot open as HDF5 file '" + path(".").string() + "': Is a directory");

  base::write_file_atomically(path("text.h5"), "this is not HDF5");
  EXPECT_EQ(error_of([&] { File::open_read_only(path("text.h5")); }),
            "data: cannot open as HDF5 file '" + path("text.h5").string() + "': file signature not found");
  base::write_file_atomically(path("empty.h5"), "");
  EXPECT_THAT(error_of([&] { File::open_read_only(path("empty.h5")); }), StartsWith("data: cannot open as HDF5 file"));

  File file = File::create(path("whole.h5"));
  file.root().write_array("x", std::vector<double>(1000, 1.5), {1000});
  file.close();
  const std::string bytes = base::read_file(path("whole.h5"));
  base::write_file_atomically(path("half.h5"), std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_THAT(error_of([&] { File::open_read_only(path("half.h5")); }), HasSubstr("truncated file: eof = "));
}

TEST_F(FileTest, UseAfterCloseIsAnErrorAndNotACrash) {
  File file = File::create(path("a.h5"));
  const Group root = file.root();
  file.close();
  file.close();  // nothing to do
  EXPECT_NE(error_of([&] { root.children(); }), "");
  EXPECT_NE(error_of([&] { root.write_array("x", std::vector<float>(1), {1}); }), "");
  EXPECT_NE(error_of([&] { file.root(); }), "");
}

TEST_F(FileTest, TheSameFileMayBeOpenTwice) {
  File writer = File::create(path("a.h5"));
  writer.root().create_group("g");
  {
    const File reader = File::open_read_only(path("a.h5"));
    EXPECT_TRUE(reader.root().exists("g"));
    writer.close();
    EXPECT_TRUE(reader.root().exists("g"));
  }
  EXPECT_TRUE(File::open_read_only(path("a.h5")).root().exists("g"));
}

TEST_F(FileTest, ReadingDoesNotTakeLocksAndReadOnlyIsReadOnly) {
  File writer = File::create(path("a.h5"));
  writer.root().create_group("g");
  writer.close();
  std::filesystem::permissions(path("a.h5"), std::filesystem::perms::owner_read);
  const File one = File::open_read_only(path("a.h5"));
  EXPECT_EQ(python(path("a.h5"), "r", "print(list(f))"), "['g']\n");
  EXPECT_NE(error_of([&] { one.root().create_group("h"); }), "");
}

TEST_F(FileTest, TheFormatIsThatOfHdf5_1_8) {
  File file = File::create(path("a.h5"));
  file.root().write_array("x", std::vector<double>(1000), {1000}, {.gzip_level = 1});
  file.close();
  EXPECT_EQ(base::read_file(path("a.h5"))[8], 2) << "superblock version 2: checksummed metadata, no lock flags";
}

TEST_F(FileTest, EqualContentMakesEqualFiles) {
  const auto write = [&](const std::string& name) {
    File file = File::create(path(name));
    file.root().create_group("g/h").write_array("x", std::vector<double>(100, 1.5), {100}, {.gzip_level = 1});
    file.root().create_group("i").write_attribute("a", "text");
    file.close();
    return base::read_file(path(name));
  };
  const std::string first = write("a.h5");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5's times are whole seconds
  EXPECT_EQ(write("b.h5"), first);
}

TEST_F(FileTest, EveryTruncationIsRefused) {
  File file = File::create(path("a.h5"));
  file.root().create_group("g").write_array("x", std::vector<double>(100, 1.5), {100}, {.gzip_level = 1, .fletcher32 = true});
  file.root().write_attribute("a", "text");
  file.close();
  for (std::size_t size = std::filesystem::file_size(path("a.h5")); size > 0;) {
    size -= std::min<std::size_t>(size, 3);
    std::filesystem::resize_file(path("a.h5"), size);
    EXPECT_NE(error_of([&] { File::open_read_only(path("a.h5")).root().read_array<double>("g/x"); }), "") << size;
  }
}

}  // namespace
}  // namespace espalier::h5
