#include "base/utf8.h"

#include <gtest/gtest.h>

namespace cocozvec {
namespace {

std::string Encode(char32_t c) {
  std::string s;
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  if (c < 0x10000) {
    return {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
            static_cast<char>(0x80 | (c & 63))};
  }
  return {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
          static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
}

TEST(Utf8, EveryCharacterIsReadBackAndSurrogatesAreNot) {
  for (char32_t c = 0; c <= 0x110010; ++c) {
    const std::string text = Encode(c);
    const bool good = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    std::size_t pos = 0;
    ASSERT_EQ(NextCharacter(text, &pos), good ? c : kInvalidCharacter) << static_cast<unsigned>(c);
    ASSERT_EQ(pos, good ? text.size() : 1) << static_cast<unsigned>(c);
    ASSERT_EQ(IsUtf8(text), good) << static_cast<unsigned>(c);
  }
}

TEST(Utf8, OverlongCutAndStrayBytesAreNot) {
  for (const char* bad :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF5\x80\x80\x80", "\x80", "\xFF",
        "abcdefgh\xC3", "abcdefghijk\xE2\x82", "\xF0\x9F\x98", "\xC3(", "abcdefg\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain text of more than eight bytes, \xE2\x82\xAC and more"));
}

TEST(Quoted, ShowsAtMostThirtyTwoCharacters) {
  EXPECT_EQ(Quoted(std::string(32, 'a')), "\"" + std::string(32, 'a') + "\"");
  EXPECT_EQ(Quoted(std::string(33, 'a')), "\"" + std::string(32, 'a') + "...\"");
  EXPECT_EQ(Quoted("a\"\\\t\x01\xFF\xC2\x85"), "\"a\\\"\\\\\\t\\u0001\\xff\\u0085\"");
}

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

TEST(Printable, IsAlwaysUtf8OfOneLine) {
  EXPECT_EQ(Printable("a\xff\n\xc3\xa4\"\\"), "a\\xff\\n\xc3\xa4\"\\");
  EXPECT_EQ(Printable("\x1b[2J\xc2\x9b\xe2\x80\xa8"), "\\u001b[2J\\u009b\\u2028");
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_TRUE(IsUtf8(Printable(all)));
}

}  // namespace
}  // namespace cocozvec
