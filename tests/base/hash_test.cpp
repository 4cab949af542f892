#include "espalier/base/hash.hpp"

#include <gtest/gtest.h>

#include <set>

#include "espalier/base/error.hpp"

namespace espalier::base {
namespace {

TEST(Digest, KnownValues) {
  // XXH3-128 and XXH3-64 of nothing, seed 0, as the algorithm's specification gives them.
  EXPECT_EQ(digest("").hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(checksum({}), 0x2d06800538d394c2ULL);
}

TEST(Digest, HexRoundTrip) {
  const Digest d{0x0123456789abcdefULL, 0x00000000000000ffULL};
  EXPECT_EQ(d.hex(), "0123456789abcdef00000000000000ff");
  EXPECT_EQ(Digest::from_hex(d.hex()), d);
}

TEST(Digest, RefusesWhatIsNoKey) {
  for (const char* text :
       {"", "0123", "0123456789abcdef00000000000000fg", "0123456789abcdef00000000000000ff0", "-123456789abcdef00000000000000ff"}) {
    try {
      Digest::from_hex(text);
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data);
      EXPECT_EQ(std::string(e.what()), "expected a key of 32 hexadecimal digits, found '" + std::string(text) + "'");
    }
  }
}

TEST(Hasher, StringsDoNotRunTogether) {
  EXPECT_NE(Hasher().add("ab").add("c").finish(), Hasher().add("a").add("bc").finish());
  EXPECT_NE(Hasher().add("").finish(), Hasher().finish());
}

TEST(Hasher, PiecesDoNotMatterForRawBytes) {
  const std::string text(100000, 'x');
  Hasher pieces;
  for (std::size_t at = 0; at < text.size(); at += 777) pieces.add_bytes(text.data() + at, std::min<std::size_t>(777, text.size() - at));
  EXPECT_EQ(pieces.finish(), digest(text));
}

TEST(Checksum, SeesEveryFlippedBit) {
  std::string bytes = "espalier";
  const std::uint64_t original = checksum(bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(checksum(bytes), original);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace espalier::base
