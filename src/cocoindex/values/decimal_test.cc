#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cocoindex/values.h"

namespace coco = cocoindex;
using coco::Decimal;

namespace {

std::string ErrorOf(auto&& f) {
  try {
    f();
  } catch (const coco::ValueError& e) {
    return e.what();
  }
  return "no error";
}

// Covers: R47
TEST(Decimal, WhatIsNoNumberIsRefusedByName) {
  for (const char* bad : {"", "-", ".", "1e", "1e+", "1.2.3", "0x1", " 1", "1 ", "1_0", "naan", "nan1x",
                          "infinit", "--1", "1e1e1"}) {
    EXPECT_THAT(ErrorOf([&] { Decimal{bad}; }),
                testing::AnyOf(testing::HasSubstr("not a decimal number"), testing::HasSubstr("digits only")))
        << bad;
  }
  EXPECT_THAT(ErrorOf([] { Decimal(false, "12a", 0); }), testing::HasSubstr("12a"));
}

TEST(Decimal, ExponentsAreThoseOfPython) {
  EXPECT_EQ(Decimal("1E+999999999999999999").text(), "1E+999999999999999999");
  EXPECT_EQ(Decimal("1E-1999999999999999997").text(), "1E-1999999999999999997");
  EXPECT_THAT(ErrorOf([] { Decimal("1E+1000000000000000000"); }), testing::HasSubstr("exponent"));
  EXPECT_THAT(ErrorOf([] { Decimal("10E+999999999999999999"); }), testing::HasSubstr("exponent"));
  EXPECT_THAT(ErrorOf([] { Decimal("1E-1999999999999999998"); }), testing::HasSubstr("exponent"));
  EXPECT_THAT(ErrorOf([] { Decimal("1E99999999999999999999999999999"); }), testing::HasSubstr("exponent"));
}

TEST(Decimal, EqualMeansEquallyWritten) {
  EXPECT_EQ(Decimal("1.50"), Decimal(false, "150", -2));
  EXPECT_EQ(Decimal("0001.50"), Decimal("+1.50"));
  EXPECT_NE(Decimal("1.5"), Decimal("1.50"));
  EXPECT_NE(Decimal("0"), Decimal("-0"));
  EXPECT_EQ(Decimal(), Decimal("0"));
  EXPECT_EQ(Decimal("nan7"), Decimal::special(false, Decimal::Kind::nan, "7"));
}

TEST(Decimal, MemoCodecReadsBackWhatItWrote) {
  for (const char* v : {"3.50", "-1E+30", "NaN", "-Infinity", "sNaN5", "0E-8"}) {
    EXPECT_EQ(coco_decode(std::type_identity<Decimal>{}, coco_encode(Decimal(v))), Decimal(v));
  }
}

}  // namespace
