#include "espalier/task/codec.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>

#include "espalier/base/error.hpp"
#include "task/random_records.hpp"

namespace espalier::task {
namespace {

using base::Error;
using base::ErrorKind;
using test::random_attempt;
using test::random_outcome;

std::uint64_t bits(double v) { return std::bit_cast<std::uint64_t>(v); }

/// Equal to the last bit: NaN equals itself, 0 differs from -0.
bool identical(const Value& a, const Value& b) {
  if (const auto* x = std::get_if<double>(&a))
    if (const auto* y = std::get_if<double>(&b)) return bits(*x) == bits(*y);
  if (const auto* x = std::get_if<RealList>(&a))
    if (const auto* y = std::get_if<RealList>(&b))
      return std::equal(x->begin(), x->end(), y->begin(), y->end(), [](double u, double v) { return bits(u) == bits(v); });
  return a == b;
}

void expect_identical(const Parameters& a, const Parameters& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto i = a.map().begin(), j = b.map().begin(); i != a.map().end(); ++i, ++j) {
    EXPECT_EQ(i->first, j->first);
    EXPECT_TRUE(identical(i->second, j->second)) << to_text(i->second) << " became " << to_text(j->second);
  }
}

void expect_identical(const std::vector<Array>& a, const std::vector<Array>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    ASSERT_EQ(a[i].values.size(), b[i].values.size());
    for (std::size_t k = 0; k < a[i].values.size(); ++k) EXPECT_EQ(bits(a[i].values[k]), bits(b[i].values[k]));
  }
}

void expect_identical(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.attempt, b.attempt);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.error_kind, b.error_kind);
  EXPECT_EQ(a.message, b.message);
  expect_identical(a.values, b.values);
  expect_identical(a.arrays, b.arrays);
  EXPECT_EQ(a.part, b.part);
  EXPECT_EQ(a.rank, b.rank);
  EXPECT_EQ(a.host, b.host);
  EXPECT_EQ(bits(a.started), bits(b.started));
  EXPECT_EQ(bits(a.wall_seconds), bits(b.wall_seconds));
  EXPECT_EQ(bits(a.cpu_seconds), bits(b.cpu_seconds));
  EXPECT_EQ(bits(a.peak_memory_mib), bits(b.peak_memory_mib));
}

TEST(Codec, OutcomesRoundTripToTheLastBit) {
  base::RandomStream random(1, "codec");
  for (int i = 0; i < 5000; ++i) {
    const Outcome outcome = random_outcome(random);
    expect_identical(outcome, decode_outcome(encode(outcome)));
    if (testing::Test::HasFailure()) FAIL() << "outcome " << i;
  }
}

TEST(Codec, AttemptsRoundTripToTheLastBit) {
  base::RandomStream random(2, "codec");
  for (int i = 0; i < 5000; ++i) {
    const Attempt attempt = random_attempt(random);
    const Attempt back = decode_attempt(encode(attempt));
    EXPECT_EQ(attempt.id, back.id);
    EXPECT_EQ(attempt.spec.key, back.spec.key);
    EXPECT_EQ(attempt.spec.kind, back.spec.kind);
    EXPECT_EQ(attempt.spec.schema_version, back.spec.schema_version);
    expect_identical(attempt.spec.parameters, back.spec.parameters);
    EXPECT_EQ(attempt.spec.parents, back.spec.parents);
    EXPECT_EQ(attempt.inputs, back.inputs);
    for (const auto field :
         {&ResourceLimits::wall_seconds, &ResourceLimits::grace_seconds, &ResourceLimits::cpu_seconds, &ResourceLimits::memory_mib})
      EXPECT_EQ(bits(attempt.limits.*field), bits(back.limits.*field));
    if (testing::Test::HasFailure()) FAIL() << "attempt " << i;
  }
}

TEST(Codec, ValueTypesDoNotChange) {
  Outcome original;
  original.values = {{"integer", std::int64_t{1}},
                     {"real", 1.0},
                     {"boolean", true},
                     {"empty_list", IntegerList{}},
                     {"no_reals", RealList{}},
                     {"reals", RealList{0.1, -0.0, 3, 1e300}},
                     {"empty_text", std::string()},
                     {"smallest", std::numeric_limits<std::int64_t>::min()}};
  const Outcome outcome = decode_outcome(encode(original));
  EXPECT_EQ(type_of(*outcome.values.find("integer")), ValueType::integer);
  EXPECT_EQ(type_of(*outcome.values.find("real")), ValueType::real);
  EXPECT_EQ(type_of(*outcome.values.find("boolean")), ValueType::boolean);
  EXPECT_EQ(outcome.values.integers("empty_list"), IntegerList{});
  EXPECT_EQ(outcome.values.reals("no_reals"), RealList{});
  EXPECT_EQ(outcome.values.reals("reals"), (RealList{0.1, -0.0, 3, 1e300}));
  EXPECT_EQ(outcome.values.text("empty_text"), "");
  EXPECT_EQ(outcome.values.integer("smallest"), std::numeric_limits<std::int64_t>::min());
}

template <class Decode>
void expect_data_error(Decode decode, std::string_view bytes, const std::string& what) {
  try {
    decode(bytes);
    FAIL() << what << " was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data) << what << ": " << e.what();
  }
}

TEST(Codec, EveryTruncationIsADataError) {
  base::RandomStream random(3, "codec");
  for (int i = 0; i < 40; ++i) {
    const std::string outcome = encode(random_outcome(random));
    const std::string attempt = encode(random_attempt(random));
    for (std::size_t n = 0; n < outcome.size(); ++n)
      expect_data_error(decode_outcome, std::string_view(outcome).substr(0, n), "a cut outcome");
    for (std::size_t n = 0; n < attempt.size(); ++n)
      expect_data_error(decode_attempt, std::string_view(attempt).substr(0, n), "a cut attempt");
  }
}

TEST(Codec, BytesBehindTheRecordAreADataError) {
  base::RandomStream random(4, "codec");
  for (int i = 0; i < 100; ++i) {
    expect_data_error(decode_outcome, encode(random_outcome(random)) + '\0', "a longer outcome");
    expect_data_error(decode_attempt, encode(random_attempt(random)) + '\0', "a longer attempt");
  }
}

TEST(Codec, ChangedBytesNeverCrash) {
  base::RandomStream random(5, "codec");
  const std::string good = encode(random_outcome(random));
  std::size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    try {
      decode_outcome(bytes);
    } catch (const Error& e) {
      ASSERT_EQ(e.kind(), ErrorKind::data) << e.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST(Codec, DeepNestingDoesNotOverflowTheStack) {
  for (const char opening : {'\x81', '\xa1', '\x9f', '\xc1'}) {
    expect_data_error(decode_outcome, std::string(std::size_t{1} << 22, opening), "nested containers");
    expect_data_error(decode_attempt, std::string(1024, opening), "nested containers");
  }
}

TEST(Codec, LargeOutcomesPass) {
  base::RandomStream random(6, "codec");
  Outcome outcome = random_outcome(random);
  outcome.arrays.push_back({"trace", std::vector<double>(200000, 0.1)});
  outcome.message = std::string(100000, 'm');
  expect_identical(outcome, decode_outcome(encode(outcome)));
}

TEST(Codec, RefusalsSayWhatWasFound) {
  const auto message = [](std::string_view bytes) -> std::string {
    try {
      decode_outcome(bytes);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(""), "outcome: byte 0 of 0: expected a list, found the end");
  EXPECT_EQ(message("\x81\x07"), "outcome: expected format version 3, found 7");
  EXPECT_EQ(message("\xa0"), "outcome: byte 0 of 1: expected a list, found something else");
  EXPECT_EQ(message("\x81\x03"), "outcome: expected 15 elements, found 1");
  EXPECT_EQ(message("\x9a\xff\xff\xff\xff"), "outcome: a list claims 4294967295 elements, 0 bytes are left");
}

TEST(Codec, ArraysThatDifferLittleTravelAsChanges) {
  const std::vector<double> image(100, 0.5);
  std::vector<double> few = image, many = image;
  few[3] = -0.0;
  few[99] = std::numeric_limits<double>::quiet_NaN();
  for (double& pixel : many) pixel += 0.25;
  Outcome outcome;
  outcome.arrays = {{"image", image}};
  const std::size_t one = encode(outcome).size();
  outcome.arrays = {{"image", image}, {"empty", {}}, {"few", few}, {"same", image}, {"none", {}}, {"zero", {0.0}}, {"minus", {-0.0}}};
  EXPECT_LT(encode(outcome).size(), one + 200);
  expect_identical(outcome, decode_outcome(encode(outcome)));
  outcome.arrays.push_back({"many", many});
  expect_identical(outcome, decode_outcome(encode(outcome)));
}

TEST(Codec, SharedArraysMayBeKeptElsewhere) {
  Outcome outcome;
  outcome.arrays = {{"clean", {0.25, 0.5}, true}, {"best", {0.25, 0.5}}, {"none", {}, true}, {"other", {1, 2}, true}};
  EXPECT_EQ(decode_outcome(encode(outcome)).arrays, outcome.arrays);
  std::size_t next = 0;
  const std::vector<double> kept[] = {{0.25, 0.5}, {}, {1, 2}};
  EXPECT_EQ(decode_lean(encode_lean(outcome), [&] { return kept[next++]; }).arrays, outcome.arrays);
  EXPECT_EQ(next, 3U);
  EXPECT_LT(encode_lean(outcome).size(), encode(outcome).size() - 25);
}

TEST(Codec, AFailureIsReadWithoutTheRest) {
  Outcome outcome{.kind = OutcomeKind::failed, .error_kind = "crashed", .message = "ended by signal 11"};
  outcome.arrays = {{"clean", {1, 2, 3, 4}, true}, {"best", {1, 2, 3, 5}}};
  for (const std::string& bytes : {encode(outcome), encode_lean(outcome)})
    EXPECT_EQ(decode_failure(bytes), std::pair(outcome.error_kind, outcome.message));
  expect_data_error([](std::string_view bytes) { decode_failure(bytes); }, encode(outcome).substr(0, 40), "a cut outcome");
}

TEST(Codec, ChangesOfWhatIsNotThereAreRefused) {
  Outcome outcome;
  outcome.arrays = {{"first", {1, 2, 3, 4}}, {"second", {1, 2, 3, 5}}};
  const std::string bytes = encode(outcome);
  const std::size_t at = bytes.find("second") + 6;  // list of two, number of the array, bytes: place, value
  ASSERT_EQ(bytes.substr(at, 7), std::string("\x82\x00\x4c\x03\x00\x00\x00", 7));
  for (const auto& [place, byte] : {std::pair(at + 1, '\x01'), {at + 3, '\x04'}, {at + 6, '\x7f'}}) {
    std::string other = bytes;
    other[place] = byte;
    expect_data_error(decode_outcome, other, "another array, or place");
  }
}

TEST(Codec, AnAttemptIsNotAnOutcome) {
  expect_data_error(decode_outcome, encode(Attempt{}), "an attempt");
  expect_data_error(decode_attempt, encode(Outcome{}), "an outcome");
}

}  // namespace
}  // namespace espalier::task
