#include "zvec/query/like.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace zvec::filter {
namespace {

// The definition, by recursion over characters.
bool Naive(std::u32string_view pattern, std::u32string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == U'%')
    return Naive(pattern.substr(1), text) || (!text.empty() && Naive(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == U'_') return Naive(pattern.substr(1), text.substr(1));
  if (pattern[0] == U'\\' && pattern.size() > 1 &&
      std::u32string_view(U"%_\\").find(pattern[1]) != std::u32string::npos) {
    pattern.remove_prefix(1);
  }
  return pattern[0] == text[0] && Naive(pattern.substr(1), text.substr(1));
}

std::string Utf8(const std::u32string& s) {
  std::string out;
  for (const char32_t c : s) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      out += static_cast<char>(0xC0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 63));
    }
  }
  return out;
}

TEST(Like, RandomPatternsMatchAsTheDefinitionSays) {
  constexpr unsigned kSeed = 20'261'123;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const auto draw = [&](std::u32string_view alphabet, int longest) {
    std::u32string s(std::uniform_int_distribution<std::size_t>(0, static_cast<std::size_t>(longest))(random),
                     U' ');
    for (char32_t& c : s)
      c = alphabet[std::uniform_int_distribution<std::size_t>(0, alphabet.size() - 1)(random)];
    return s;
  };
  int matches = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::u32string pattern = draw(U"ab\u00E9%%_\\", 7), text = draw(U"ab\u00E9%_\\", 8);
    const bool expected = Naive(pattern, text);
    matches += expected;
    ASSERT_EQ(LikePattern(Utf8(pattern)).Matches(Utf8(text)), expected)
        << Utf8(pattern) << " on " << Utf8(text);
  }
  EXPECT_GT(matches, 5'000);
}

TEST(Like, ManyWildcardsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "%a";
  EXPECT_FALSE(LikePattern(pattern + "b").Matches(std::string(10'000, 'a')));
  EXPECT_TRUE(LikePattern(pattern + "%").Matches(std::string(10'000, 'a')));
  EXPECT_FALSE(LikePattern("%" + std::string(300, '_') + "b%").Matches(std::string(3'000, 'a')));
}

TEST(Like, BrokenTextIsReadWithoutGoingAstray) {
  EXPECT_TRUE(LikePattern("_%").Matches("\x80\x80"));
  EXPECT_FALSE(LikePattern("___").Matches("\xE2\x82"));
  EXPECT_TRUE(LikePattern("%_").Matches("\xFF"));
}

TEST(Like, PlainTextsAndPrefixesAreKnownAsSuch) {
  const auto plain = [](const char* pattern) {
    const LikePattern parsed(pattern);
    return parsed.Plain() != nullptr ? "[" + *parsed.Plain() + "]" : "no";
  };
  const auto prefix = [](const char* pattern) {
    const LikePattern parsed(pattern);
    return parsed.Prefix() != nullptr ? "[" + *parsed.Prefix() + "]" : "no";
  };
  EXPECT_EQ(plain(""), "[]");
  EXPECT_EQ(plain("ab"), "[ab]");
  EXPECT_EQ(plain("a\\%b\\_"), "[a%b_]");
  for (const char* other : {"a%", "%", "a_", "_", "%a", "a%b"}) EXPECT_EQ(plain(other), "no") << other;
  EXPECT_EQ(prefix("%"), "[]");
  EXPECT_EQ(prefix("ab%"), "[ab]");
  EXPECT_EQ(prefix("a\\_%"), "[a_]");
  for (const char* other : {"", "ab", "a_%", "_a%", "%a", "a%b", "a%%", "a%_"})
    EXPECT_EQ(prefix(other), "no") << other;
}

}  // namespace
}  // namespace zvec::filter
