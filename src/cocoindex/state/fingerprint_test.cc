#include "cocoindex/fingerprint.h"

#include <blake2.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

namespace cocoindex {
namespace {

TEST(FingerprintBytes, IsBlake2bWith128Bits) {
  // python3: hashlib.blake2b(b"abc", digest_size=16)
  EXPECT_EQ(fingerprint_bytes("abc").hex(), "cf4ab791c62b8d2b2109c90275287816");
  EXPECT_EQ(fingerprint_bytes("").hex(), "cae66941d9efbd404e4d88758ea67670");
}

// Guards: a store written with libb2's BLAKE2b must be read by ours.
TEST(FingerprintBytes, AgreesWithLibb2AtEveryLength) {
  std::mt19937 random(1);
  std::string data;
  for (int size = 0; size < 1100; ++size) {  // eight blocks and more, every rest
    Fingerprint expected;
    blake2b(expected.bytes.data(), data.data(), nullptr, expected.bytes.size(), data.size(), 0);
    ASSERT_EQ(fingerprint_bytes(data), expected) << size;
    data.push_back(static_cast<char>(random()));
  }
}

TEST(Hasher, ValuesThatDifferInKindOrGroupingDiffer) {
  const std::vector<Hasher> streams = {
      Hasher().integer(1),
      Hasher().real(1.0),
      Hasher().boolean(true),
      Hasher().text("1"),
      Hasher().bytes("1"),
      Hasher().tag("1"),
      Hasher().key("1"),
      Hasher().null(),
      Hasher(),
      Hasher().begin().end(),
      Hasher().real(0.0),
      Hasher().real(-0.0),
      Hasher().unsigned_integer(UINT64_MAX),
      Hasher().integer(-1),
      Hasher().text("ab").text("c"),
      Hasher().text("a").text("bc"),
      Hasher().begin().integer(1).end().integer(2),
      Hasher().begin().integer(1).integer(2).end(),
      Hasher().fingerprint(Fingerprint{}),
      Hasher().floats(std::vector<float>{1.0f}),
  };
  std::set<std::string> digests;
  for (const Hasher& h : streams) digests.insert(h.finish().hex());
  EXPECT_EQ(digests.size(), streams.size());
}

TEST(Hasher, OneFormForNanAndForIntegersOfEitherSign) {
  EXPECT_EQ(Hasher().real(std::numeric_limits<double>::quiet_NaN()).finish(),
            Hasher().real(-std::numeric_limits<double>::signaling_NaN()).finish());
  EXPECT_EQ(Hasher().unsigned_integer(7).finish(), Hasher().integer(7).finish());
}

TEST(Hasher, StreamIsPinned) {  // a changed form would re-run every memoised function of every store
  EXPECT_EQ(Hasher().begin().tag("t").integer(-2).text("x").end().finish(),
            fingerprint_bytes(std::string_view("(g\1ti\xfe\xff\xff\xff\xff\xff\xff\xffs\1x)", 17)));
}

TEST(Hasher, ClearStartsAnew) {
  Hasher h;
  h.text("a").clear();
  EXPECT_EQ(h.text("b").finish(), Hasher().text("b").finish());
}

}  // namespace
}  // namespace cocoindex
