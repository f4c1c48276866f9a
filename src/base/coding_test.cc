#include "base/coding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace cocozvec {
namespace {

TEST(Coding, FixedIsLittleEndianAtAnyAlignment) {
  std::string out = "x";
  PutFixed<std::uint32_t>(out, 0x01020304);
  EXPECT_EQ(out, std::string("x\x04\x03\x02\x01", 5));
  PutFixed(out, 1.5);
  Reader in(out);
  EXPECT_EQ(in.Read<char>(), 'x');
  EXPECT_EQ(in.Read<std::uint32_t>(), 0x01020304u);
  EXPECT_EQ(in.Read<double>(), 1.5);
  EXPECT_TRUE(in.done());
}

TEST(Coding, VarintHasItsKnownBytes) {
  std::string out;
  PutVarint(out, 300);
  EXPECT_EQ(out, "\xac\x02");
  out.clear();
  PutVarint(out, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(out.size(), 10u);
}

RC_GTEST_PROP(CodingProperty, VarintAndBytesRoundTrip, (std::uint64_t value, const std::string& bytes)) {
  std::string out;
  PutVarint(out, value);
  PutBytes(out, bytes);
  Reader in(out);
  RC_ASSERT(in.Varint() == value);
  RC_ASSERT(in.Bytes() == bytes);
  RC_ASSERT(in.done());
}

RC_GTEST_PROP(CodingProperty, AnyCutFailsAndStaysInBounds, (const std::string& bytes)) {
  std::string out;
  PutBytes(out, bytes);
  for (std::size_t cut = 0; cut < out.size(); ++cut) {
    Reader in(std::string_view(out).substr(0, cut));
    RC_ASSERT(in.Bytes().empty());
    RC_ASSERT(!in.ok());
    RC_ASSERT(in.remaining() == 0u);
  }
}

TEST(Coding, OverlongVarintFails) {
  Reader eleven(std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
  EXPECT_EQ(eleven.Varint(), 0u);
  EXPECT_FALSE(eleven.ok());
  Reader too_large(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  EXPECT_EQ(too_large.Varint(), 0u);
  EXPECT_FALSE(too_large.ok());
}

TEST(Coding, FailedReaderStaysFailed) {
  Reader in(
      std::string_view("\x05"
                       "abc"));
  EXPECT_TRUE(in.Bytes().empty());
  EXPECT_EQ(in.Read<std::uint8_t>(), 0);
  EXPECT_FALSE(in.done());
}

TEST(Coding, CountLargerThanTheRestFails) {
  std::string out;
  PutVarint(out, 3);
  out.append(11, 'x');
  Reader fits(out);
  EXPECT_EQ(fits.Count(3), 3u);
  Reader too_many(out);
  EXPECT_EQ(too_many.Count(4), 0u);
  EXPECT_FALSE(too_many.ok());
}

TEST(Coding, CheckedArithmeticSeesOverflow) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(CheckedMul(3, 4), 12u);
  EXPECT_EQ(CheckedMul(kMax, 2), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMax, 0), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
}

}  // namespace
}  // namespace cocozvec
