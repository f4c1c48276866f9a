#include "connectors/localfs/glob.h"

#include <gtest/gtest.h>

#include "connectors/localfs/ignore.h"

namespace cocoindex::connectors::localfs {
namespace {

struct Case {
  const char* pattern;
  const char* path;  // with a slash at the end: a directory
  bool matches;
};

void PrintTo(const Case& c, std::ostream* out) { *out << '"' << c.pattern << "\" on \"" << c.path << '"'; }

class GlobTable : public ::testing::TestWithParam<Case> {};

// Compared with `git check-ignore --no-index` 2.39, which also ignores what lies below a match: here the walk
// does.
TEST_P(GlobTable, MatchesAsGitDoes) {
  std::string_view path = GetParam().path;
  const bool is_directory = path.ends_with('/');
  if (is_directory) path.remove_suffix(1);
  EXPECT_EQ(Glob(GetParam().pattern).Matches(path, is_directory), GetParam().matches);
}

INSTANTIATE_TEST_SUITE_P(
    Names, GlobTable,
    ::testing::Values(Case{"a", "a", true}, Case{"a", "x/a", true}, Case{"a", "x/y/a/", true},
                      Case{"a", "ab", false}, Case{"*.o", "x/y.o", true}, Case{"*.o", ".o", true},
                      Case{"*.o", "y.oo", false}, Case{"a*b*c", "aXXbYYc", true},
                      Case{"a*b*c", "ab/c", false}, Case{"?", "a", true}, Case{"?", "ab", false},
                      Case{"a?c", "a/c", false}, Case{"\\*", "*", true}, Case{"\\*", "a", false},
                      Case{"a\\", "a", false}, Case{"a\\", "a\\", false}, Case{"**", "x/y", true},
                      Case{"a**", "abc", true}, Case{"**a", "x/bca", true}));
INSTANTIATE_TEST_SUITE_P(Slashes, GlobTable,
                         ::testing::Values(Case{"/a", "a", true}, Case{"/a", "x/a", false},
                                           Case{"a/b", "a/b", true}, Case{"a/b", "x/a/b", false},
                                           Case{"a/", "a", false}, Case{"a/", "a/", true},
                                           Case{"a/", "x/a/", true}, Case{"/a/", "x/a/", false},
                                           Case{"a/*", "a/b", true}, Case{"a/*", "a/b/c", false},
                                           Case{"a/*/c", "a/b/c", true}, Case{"a/*/c", "a/c", false},
                                           Case{"*/b", "a/b", true}, Case{"*/b", "b", false}));
INSTANTIATE_TEST_SUITE_P(DoubleStars, GlobTable,
                         ::testing::Values(Case{"**/a", "a", true}, Case{"**/a", "x/a", true},
                                           Case{"**/a", "x/y/a", true}, Case{"**/a", "xa", false},
                                           Case{"**/a/b", "x/a/b", true}, Case{"a/**", "a/b/c", true},
                                           Case{"a/**", "a/b", true}, Case{"a/**", "a/", false},
                                           Case{"a/**/b", "a/b", true}, Case{"a/**/b", "a/x/b", true},
                                           Case{"a/**/b", "a/x/y/b", true}, Case{"a/**/b", "axb", false},
                                           Case{"a/**/b", "a/xb", false}, Case{"**/a/**", "x/a/y", true},
                                           Case{"a/**b", "a/x/b", false}, Case{"a/**b", "a/xb", true},
                                           Case{"a/**/**/b", "a/b", true},
                                           Case{"a/****/b", "a/x/y/b", true}));
INSTANTIATE_TEST_SUITE_P(Classes, GlobTable,
                         ::testing::Values(Case{"[ab]", "a", true}, Case{"[ab]", "c", false},
                                           Case{"[a-c]x", "bx", true}, Case{"[!a]", "b", true},
                                           Case{"[!a]", "a", false}, Case{"[^a]", "a", false},
                                           Case{"[]]", "]", true}, Case{"[]a]", "a", true},
                                           Case{"[a-]", "-", true}, Case{"[\\]]", "]", true},
                                           Case{"[[:digit:]]", "7", true}, Case{"[[:digit:]]", "a", false},
                                           Case{"[[:alpha:]_]", "_", true}, Case{"[a", "a", false},
                                           Case{"[a", "[a", false}, Case{"x[!a]y", "x/y", false},
                                           Case{"[]", "]", false}));

TEST(Glob, WhatCanMatchNothingIsNotValid) {
  for (const char* pattern : {"", "/", "[a", "a\\", "[]", "[[:alpha:]"})
    EXPECT_FALSE(Glob(pattern).valid()) << pattern;
  EXPECT_TRUE(Glob("a").valid());
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern, path(5000, 'a');
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(Glob(pattern + "b").Matches(path, false));
  std::string folders, deep;
  for (int i = 0; i < 200; ++i) folders += "**/a/", deep += "a/";
  EXPECT_FALSE(Glob(folders + "b").Matches(deep + "c", false));
}

bool Ignored(std::string_view rules, std::string_view path, bool is_directory = false) {
  return IgnoreFile(rules).Decide(path, is_directory).value_or(false);
}

TEST(IgnoreFile, TheLastMatchingRuleDecides) {
  EXPECT_TRUE(Ignored("*.log\n", "a.log"));
  EXPECT_FALSE(Ignored("*.log\n!keep.log\n", "keep.log"));
  EXPECT_TRUE(Ignored("*.log\n!keep.log\nkeep.*\n", "keep.log"));
  EXPECT_EQ(IgnoreFile("*.log").Decide("a.txt", false), std::nullopt);
}

TEST(IgnoreFile, CommentsEscapesSpacesAndLineEnds) {
  EXPECT_FALSE(Ignored("# a\n\n   \n", "# a"));
  EXPECT_TRUE(Ignored("\\#a\n", "#a"));
  EXPECT_TRUE(Ignored("\\!a\n", "!a"));
  EXPECT_TRUE(Ignored("a   \n", "a"));
  EXPECT_TRUE(Ignored("a\\ \n", "a "));
  EXPECT_FALSE(Ignored("a\\ \n", "a"));
  EXPECT_TRUE(Ignored("a\r\nb\r\n", "a"));
  EXPECT_TRUE(
      Ignored("\xef\xbb\xbf"
              "a\n",
              "a"));
  EXPECT_TRUE(Ignored("a", "a"));
}

}  // namespace
}  // namespace cocoindex::connectors::localfs
