// Errors, times, text, build information.
#include <gmock/gmock.h>

#include <cmath>
#include <thread>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/ids.hpp"
#include "espalier/base/text.hpp"

namespace espalier::base {
namespace {

TEST(Text, NothingThatATerminalObeysIsPrinted) {
  EXPECT_EQ(printable("Gr\u00fc\u00dfe, \u4f60\u597d \U0001f333"), "Gr\u00fc\u00dfe, \u4f60\u597d \U0001f333");
  EXPECT_EQ(printable("\x1b[31mred\x7f\r"), "\\x1b[31mred\\x7f\\x0d");
  EXPECT_EQ(printable("two\nlines\t"), "two\\nlines\\t");
  EXPECT_EQ(printable("two\nlines\t\x1b", true), "two\nlines\t\\x1b");
  EXPECT_EQ(printable("\u009b2J"), "\\xc2\\x9b2J");  // one character that begins a sequence
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Text, Utf8IsKnown) {
  for (const char* text : {"", "a", "\u00fc", "\u4f60", "\U0001f333", "\uffff", "\U0010ffff"}) EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xe9", "a\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5",
                           "\x80", "\xe4\xbd", "\xf0\x9f\x8c"})
    EXPECT_FALSE(is_utf8(text)) << printable(text);
}

TEST(Error, CarriesKindAndSentence) {
  try {
    fail(ErrorKind::data, "expected {} images, found {}", 10, 9);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_STREQ(e.what(), "expected 10 images, found 9");
  }
  EXPECT_EQ(to_string(ErrorKind::configuration), "configuration");
}

template <class A, class B>
concept Comparable = requires(A a, B b) {
  a == b;
};

TEST(Ids, OfDifferentKindsDoNotMix) {
  static_assert(!std::is_convertible_v<TaskId, AttemptId> && !std::is_convertible_v<int, Rank> && !Comparable<TaskId, AttemptId>);
  EXPECT_LT(TaskId{1}, TaskId{2});
}

TEST(Clock, WallAndCpuTimeAreDifferentThings) {
  const Stopwatch sleeping;
  std::this_thread::sleep_for(Seconds(0.1));
  EXPECT_GE(sleeping.wall_seconds(), 0.1);
  EXPECT_LT(sleeping.cpu_seconds(), 0.09);
  const Seconds before = thread_cpu_time();
  volatile double sink = 0;
  while ((thread_cpu_time() - before).count() < 0.02) sink = sink + std::sqrt(sink + 1);
  EXPECT_GE((process_cpu_time()).count(), 0.02);
}

TEST(Clock, UnixAndIsoTime) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(iso_time(1795252755), "2026-11-21T09:19:15Z");
  EXPECT_GT(unix_time(), 1.7e9);
}

TEST(Clock, MomentsAsPeopleGiveThem) {
  EXPECT_EQ(unix_time_from("90", 1000), 1090);
  EXPECT_EQ(unix_time_from("0.5", 1000), 1000.5);
  EXPECT_EQ(unix_time_from("@1795252755", 1000), 1795252755);
  EXPECT_EQ(unix_time_from("2026-11-21T09:19:15Z", 0), 1795252755);
  const double local = unix_time_from("2026-11-21T09:19:15", 0);
  EXPECT_LE(std::abs(local - 1795252755), 14 * 3600);
  for (const char* text : {"", "soon", "-3", "nan", "12:30", "2026-11-21", "2026-11-21T09:19:15+01:00", "@x", "90s"})
    EXPECT_THROW(unix_time_from(text, 0), Error) << text;
  for (const char* text : {"1e300", "@253402300800", "inf"}) EXPECT_THROW(unix_time_from(text, 0), Error) << text;
}

TEST(Clock, MomentsThatThereAreNot) {
  EXPECT_EQ(unix_time_from("2096-02-29T00:00:00Z", 0), 3981312000);
  for (const std::string day : {"2099-02-29", "2099-02-30", "2099-04-31", "2100-02-29"})
    for (const std::string zone : {"", "Z"}) {
      const std::string text = day + "T00:00:00" + zone;
      try {
        unix_time_from(text, 0);
        ADD_FAILURE() << text;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::configuration);
        EXPECT_EQ(error.what(), "expected a date and time that exist, found '" + text + "'");
      }
    }
}

TEST(Text, NearestNameWithinReach) {
  const std::vector<std::string> names{"learning_rate", "epochs", "weight_decay"};
  EXPECT_EQ(nearest("learning_rat", names), "learning_rate");
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("sample", names), "");
  EXPECT_EQ(did_you_mean("epohcs", names), " (did you mean 'epochs'?)");
  EXPECT_EQ(did_you_mean("x", std::vector<std::string>{}), "");
}

TEST(Text, EditDistanceIsAMetricOnSmallWords) {
  // Nearest agrees with a direct definition: of two candidates the one that needs fewer edits wins.
  EXPECT_EQ(nearest("abc", std::vector<std::string>{"abxx", "abd"}), "abd");
  EXPECT_EQ(nearest("abcd", std::vector<std::string>{"acd", "zzzz"}), "acd");    // deletion
  EXPECT_EQ(nearest("abcd", std::vector<std::string>{"abxcd"}), "abxcd");        // insertion
  EXPECT_EQ(nearest("same", std::vector<std::string>{"sane", "same"}), "same");  // itself
}

TEST(BuildInfo, SaysWhatWasBuilt) {
  const BuildInfo& info = build_info();
  EXPECT_THAT(info.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(info.git_commit, testing::AnyOf("unknown", testing::MatchesRegex("[0-9a-f]{40}(-dirty)?")));
  EXPECT_FALSE(info.compiler.empty());
#if defined(__x86_64__)
  if (info.architecture.starts_with("native")) {
    EXPECT_EQ(info.architecture.find("AVX-512") != std::string::npos, __builtin_cpu_supports("avx512f") != 0) << info.architecture;
  }
#endif
  EXPECT_FALSE(host_name().empty());
  EXPECT_FALSE(cpu_model().empty());
}

}  // namespace
}  // namespace espalier::base
