#include "zvec/doc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace zvec {
namespace {

// What the bits of a half mean, by the definition of IEEE 754.
double Meaning(std::uint16_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  if (exponent == 31) return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryValueIsExactAndComesBack) {
  for (std::uint32_t bits = 0; bits < 65'536; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float value = FromHalf(half);
    const double meaning = Meaning(half.bits);
    if (std::isnan(meaning)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(value, meaning) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
    }
    ASSERT_EQ(ToHalf(value), half) << bits;
  }
}

// The middle between two neighbours goes to the even one; a step beside it goes to the nearer one.
TEST(Half, RoundsToNearestEven) {
  for (std::uint16_t bits = 0; bits < 0x7BFF; ++bits) {
    const double low = Meaning(bits), high = Meaning(static_cast<std::uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    const std::uint16_t even = bits % 2 == 0 ? bits : static_cast<std::uint16_t>(bits + 1);
    ASSERT_EQ(ToHalf(middle).bits, even) << bits;
    ASSERT_EQ(ToHalf(std::nextafter(middle, 0.0f)).bits, bits) << bits;
    ASSERT_EQ(ToHalf(std::nextafter(middle, 1e9f)).bits, bits + 1) << bits;
    ASSERT_EQ(ToHalf(-middle).bits, even | 0x8000) << bits;
  }
}

TEST(Half, TheEdgesOfTheRange) {
  EXPECT_EQ(ToHalf(65'504.0f).bits, 0x7BFF);
  EXPECT_EQ(ToHalf(std::nextafter(65'520.0f, 0.0f)).bits, 0x7BFF);
  EXPECT_EQ(ToHalf(65'520.0f).bits, 0x7C00);
  EXPECT_EQ(ToHalf(-1e30f).bits, 0xFC00);
  EXPECT_EQ(ToHalf(std::numeric_limits<float>::denorm_min()).bits, 0);
  EXPECT_EQ(ToHalf(std::ldexp(1.0f, -25)).bits, 0);
  EXPECT_EQ(ToHalf(std::nextafter(std::ldexp(1.0f, -25), 1.0f)).bits, 1);
  EXPECT_TRUE(std::isnan(FromHalf(ToHalf(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Doc, SetAddsAndReplaces) {
  Doc doc("a");
  doc.Set("x", std::int32_t{1}).Set("y", std::string("s")).Set("x", std::int64_t{2});
  EXPECT_EQ(doc, Doc("a", {{"x", std::int64_t{2}}, {"y", std::string("s")}}));
  EXPECT_EQ(doc.Find("z"), nullptr);
  ASSERT_NE(doc.Get<std::int64_t>("x"), nullptr);
  EXPECT_EQ(*doc.Get<std::int64_t>("x"), 2);
  EXPECT_EQ(doc.Get<std::int32_t>("x"), nullptr);
}

}  // namespace
}  // namespace zvec
