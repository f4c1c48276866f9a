#include "connectors/localfs/utf8.h"

#include <gtest/gtest.h>

namespace cocoindex::connectors::localfs {
namespace {

TEST(Utf8, ValidTextIsKnownAtEveryOffset) {
  for (const std::string s :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    for (int pad = 0; pad < 10; ++pad)
      EXPECT_TRUE(IsUtf8(std::string(pad, 'x') + s + "yyyyyyyyy")) << Printable(s);
  }
}

TEST(Utf8, InvalidBytesAreFoundAtEveryOffset) {
  for (const std::string s :
       {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(", "\xf0\x9f\x98"}) {
    for (int pad = 0; pad < 10; ++pad) {
      EXPECT_FALSE(IsUtf8(std::string(pad, 'x') + s)) << Printable(s);
      EXPECT_FALSE(IsUtf8(std::string(pad, 'x') + s + "yyyyyyyyy")) << Printable(s);
    }
  }
}

TEST(Utf8, WhatIsShownIsAlwaysUtf8) {
  EXPECT_EQ(Printable("a\xff\n\xc3\xa4"), "a\\xff\\x0a\xc3\xa4");
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_TRUE(IsUtf8(Printable(all)));
}

}  // namespace
}  // namespace cocoindex::connectors::localfs
