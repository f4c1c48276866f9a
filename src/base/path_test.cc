#include "cocozvec/base/path.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace cocozvec {
namespace {

TEST(Path, JoinPutsExactlyOneSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "/b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

TEST(Path, ParentAndBaseNameIgnoreTrailingSlashes) {
  EXPECT_EQ(ParentPath("/a/b//"), "/a");
  EXPECT_EQ(BaseName("/a/b//"), "b");
  EXPECT_EQ(ParentPath("a//b"), "a");
  EXPECT_EQ(ParentPath("name"), "");
  EXPECT_EQ(BaseName("name"), "name");
  EXPECT_EQ(ParentPath("/x"), "/");
  EXPECT_EQ(BaseName("/x"), "x");
  EXPECT_EQ(ParentPath(""), "");
  EXPECT_EQ(BaseName(""), "");
}

TEST(Path, ViewTakesTextAndFilesystemPaths) {
  const std::filesystem::path path = "dir/file";
  EXPECT_EQ(PathView(path).view(), "dir/file");
  EXPECT_EQ(BaseName(path), "file");
  EXPECT_EQ(PathView(std::string("s")).str(), "s");
}

}  // namespace
}  // namespace cocozvec
