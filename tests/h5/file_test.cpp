#include "espalier/h5/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "h5/temporary_directory.hpp"

namespace espalier::h5 {
namespace {

using test::error_of;
using test::python;
using ::testing::AllOf;
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

TEST_F(FileTest, GroupsWithManyTextsAreCopied) {
  File a = File::create(path("a.h5")), b = File::create(path("b.h5"));
  const Group group = a.root().create_group("x");
  for (int i = 0; i < 100; ++i) {
    group.write_attribute(fmt::format("of_group_{}", i), "text");
    a.root().write_attribute(fmt::format("of_root_{}", i), "text");
  }
  group.write_array("values", std::vector<double>{1}, {1});
  for (int i = 0; i < 1000; ++i) group.open_object("values").write_attribute(fmt::format("of_array_{}", i), "text");
  copy_object(a.root(), "", b.root(), "copy");
  EXPECT_EQ(b.root().open_object("copy/x/values").read_attribute<std::string>("of_array_999"), "text");
  EXPECT_EQ(b.root().open_object("copy").read_attribute<std::string>("of_root_99"), "text");
  EXPECT_EQ(b.root().open_object("copy/x").read_attribute<std::string>("of_group_99"), "text");
}

TEST_F(FileTest, ALoadedFileNeedsItsDiskNoMore) {
  {
    File file = File::create(path("a.h5"));
    file.root().create_group("x").write_array("values", std::vector<double>(50'000, 7), {50'000});
    file.close();
  }
  const File loaded = File::open_loaded(path("a.h5"));
  std::filesystem::resize_file(path("a.h5"), 0);
  File copy = File::create(path("b.h5"));
  copy_object(loaded.root(), "x", copy.root(), "x");
  EXPECT_EQ(copy.root().read_array<double>("x/values").values, std::vector<double>(50'000, 7));
  EXPECT_THAT(error_of([&] { File::open_loaded(path("nothing.h5")); }), HasSubstr("No such file or directory"));
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
         "f.attrs['single_precision'] = np.float32(0.5); f.attrs['huge'] = np.uint64(2**63); f.attrs['nothing'] = h5py.Empty('f8')\n"
         "f.attrs['whole'] = 3.0; f.attrs['whole_list'] = np.array([1.0, -2.0], 'f4'); f.attrs['one'] = 1.0\n"
         "f.attrs['large'] = 2.0**63; f.attrs['nan'] = np.nan");
  const File file = File::open_read_only(path("a.h5"));
  const Group root = file.root();
  EXPECT_EQ(root.read_attribute<std::string>("text"), "l1");
  EXPECT_EQ(root.read_attribute<std::string>("bytes"), "abc");
  EXPECT_EQ(root.read_attribute<std::int64_t>("label"), 3);
  EXPECT_EQ(root.read_attribute<std::int64_t>("small"), 200);
  EXPECT_EQ(root.read_attribute<double>("label"), 3.0);
  EXPECT_EQ(root.read_attribute<double>("single_precision"), 0.5);
  EXPECT_EQ(root.read_attribute<std::int64_t>("whole"), 3);
  EXPECT_THAT(root.read_attribute<std::vector<std::int64_t>>("whole_list"), ElementsAre(1, -2));
  EXPECT_TRUE(root.read_attribute<bool>("one"));
  EXPECT_EQ(root.read_attribute<std::int64_t>("single"), 7);
  EXPECT_TRUE(root.read_attribute<bool>("flag"));
  EXPECT_THAT(root.read_attribute<std::vector<std::int64_t>>("list"), ElementsAre(1, 2, 3));
  EXPECT_THAT(root.read_attribute<std::vector<double>>("nothing"), ElementsAre());
  const std::string where = "attribute '", file_name = "' in '" + path("a.h5").string() + "': ";
  EXPECT_EQ(error_of([&] { root.read_attribute<std::int64_t>("epsilon"); }),
            "data: '/' attribute 'epsilon" + file_name + "expected an integer, found 5.5");
  EXPECT_THAT(error_of([&] { root.read_attribute<std::int64_t>("large"); }), HasSubstr("expected an integer, found 9.2"));
  EXPECT_THAT(error_of([&] { root.read_attribute<std::int64_t>("nan"); }), HasSubstr("expected an integer, found nan"));
  EXPECT_THAT(error_of([&] { root.read_attribute<bool>("whole"); }), HasSubstr("expected a boolean, found 3"));
  EXPECT_THAT(error_of([&] { root.read_attribute<std::string>("whole"); }), HasSubstr("expected text, found float64"));
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

TEST_F(FileTest, FilesOfEveryFormatAreRead) {
  python(
      path("a.h5"), "w",
      "import shutil, os\n"
      "for name, libver, swmr in (('latest', 'latest', 0), ('v110', ('v110', 'v110'), 0), ('swmr', 'latest', 1), ('open', 'latest', 0)):\n"
      "    place = os.path.dirname(sys.argv[1]) + '/' + name + '.h5'\n"
      "    g = h5py.File(place + '.writing', 'w', libver=libver)\n"
      "    d = g.create_dataset('x', data=np.arange(5.0), maxshape=(None,)); d.attrs['n'] = 7\n"
      "    if swmr: g.swmr_mode = True\n"
      "    g.flush()\n"
      "    if name in ('swmr', 'open'): shutil.copy(place + '.writing', place)  # as a writer leaves it that is killed\n"
      "    g.close()\n"
      "    if name not in ('swmr', 'open'): shutil.copy(place + '.writing', place)");
  for (const char* name : {"latest.h5", "v110.h5", "swmr.h5", "open.h5"}) {
    const File file = File::open_read_only(path(name));
    EXPECT_THAT(file.root().read_array<double>("x").values, ElementsAre(0, 1, 2, 3, 4)) << name;
    EXPECT_EQ(file.root().open_object("x").read_attribute<std::int64_t>("n"), 7) << name;
  }
}

TEST_F(FileTest, ExternalLinksAreFollowedOrNamed) {
  File other = File::create(path("other.h5"));
  other.root().create_group("g").write_array("x", std::vector<double>{1, 2}, {2});
  other.close();
  python(path("a.h5"), "w",
         "f['outside'] = h5py.ExternalLink('other.h5', '/g'); f['gone'] = h5py.ExternalLink('gone.h5', '/g')\n"
         "f['elsewhere'] = h5py.ExternalLink('other.h5', '/h'); f['soft'] = h5py.SoftLink('/nothing')");
  const File file = File::open_read_only(path("a.h5"));
  const Group root = file.root();
  EXPECT_TRUE(root.is_group("outside"));
  EXPECT_FALSE(root.is_broken_link("outside"));
  EXPECT_FALSE(root.is_broken_link("absent"));
  EXPECT_THAT(root.open_group("outside").read_array<double>("x").values, ElementsAre(1, 2));
  EXPECT_THAT(root.read_array<double>("outside/x").values, ElementsAre(1, 2));
  const auto error = [&](const std::string& name) {
    EXPECT_TRUE(root.is_broken_link(name)) << name;
    return error_of([&] { root.open_group(name); });
  };
  EXPECT_EQ(error("gone"), "data: '/gone' in '" + path("a.h5").string() +
                               "': expected a group, found a link to '/g' in 'gone.h5' that cannot be followed: No such file or directory");
  EXPECT_THAT(error("elsewhere"), HasSubstr("a link to '/h' in 'other.h5' that cannot be followed: "));
  EXPECT_THAT(error("soft"), HasSubstr("a link to '/nothing' that cannot be followed: "));
}

/// HDF5 first looks whether the file is there: that there is none is not the reason.
TEST_F(FileTest, AFileThatCannotBeCreatedSaysWhy) {
  const char* const place = "/sys/espalier-test.h5";
  ASSERT_LT(::open(place, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 0);
  const std::string reason = std::strerror(errno);
  EXPECT_EQ(error_of([&] { File::create(place); }), "io: cannot create HDF5 file '/sys/espalier-test.h5': " + reason);
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
