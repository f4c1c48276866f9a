#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cocoindex/connectors/localfs.h"
#include "cocoindex/errors.h"
#include "connectors/localfs/test_folder.h"

namespace cocoindex::connectors::localfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WalkTest : public ::testing::Test {
 protected:
  std::vector<std::string> Paths(const WalkOptions& options = {}) const {
    std::vector<std::string> paths;
    for (const FileEntry& file : walk(folder_.path(), options).files) paths.push_back(file.path);
    return paths;
  }
  TestFolder folder_;
};

std::vector<std::pair<std::string, Skip>> Skips(const WalkResult& result) {
  std::vector<std::pair<std::string, Skip>> skips;
  for (const SkippedEntry& e : result.skipped) skips.emplace_back(e.path, e.reason);
  return skips;
}

TEST_F(WalkTest, FilesAreSortedByPathWithWhatIdentifiesTheirState) {
  for (const char* name : {"b", "a/z", "a.txt", "a/b/c"}) folder_.Write(name, "12345");
  std::filesystem::create_directories(folder_ / "empty");
  const WalkResult result = walk(folder_.path());
  EXPECT_THAT(Paths(), ElementsAre("a.txt", "a/b/c", "a/z", "b"));
  EXPECT_THAT(result.skipped, IsEmpty());
  const FileEntry& file = result.files[0];
  struct stat info{};
  ASSERT_EQ(::stat((folder_ / "a.txt").c_str(), &info), 0);
  EXPECT_EQ(file.size, 5u);
  EXPECT_EQ(file.inode, info.st_ino);
  EXPECT_EQ(file.mtime_ns, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
  EXPECT_GE(file.seen_ns, file.mtime_ns);
  EXPECT_EQ(file.key(), StableKey("a.txt"));
}

TEST_F(WalkTest, EveryThingThatIsNoFileIsCountedWithItsReason) {
  folder_.Write("file", "x");
  folder_.Write("large", "123456");
  folder_.Write("bad\xff/inside", "x");
  folder_.Write("bad\xfe", "x");
  std::filesystem::create_symlink("file", folder_ / "link");
  std::filesystem::create_directory_symlink(".", folder_ / "loop");
  std::filesystem::create_symlink("nowhere", folder_ / "dangling");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const WalkResult result = walk(folder_.path(), {.max_file_bytes = 5});
  EXPECT_THAT(Paths({.max_file_bytes = 5}), ElementsAre("file"));
  EXPECT_EQ(Skips(result), (std::vector<std::pair<std::string, Skip>>{{"bad\\xfe", Skip::not_utf8_name},
                                                                      {"bad\\xff", Skip::not_utf8_name},
                                                                      {"dangling", Skip::symlink},
                                                                      {"large", Skip::oversized},
                                                                      {"link", Skip::symlink},
                                                                      {"loop", Skip::symlink},
                                                                      {"pipe", Skip::special}}));
  EXPECT_EQ(result.count(Skip::symlink), 3u);
  EXPECT_EQ(result.count(Skip::not_utf8_name), 2u);
  EXPECT_EQ(result.count(Skip::oversized), 1u);
  EXPECT_EQ(result.count(Skip::special), 1u);
  EXPECT_EQ(result.count(Skip::ignored), 0u);
  EXPECT_THAT(result.skipped[3].detail, HasSubstr("6 bytes, allowed are 5"));
}

TEST_F(WalkTest, AFolderThatCannotBeReadIsCountedNotFatal) {
  folder_.Write("closed/file", "x");
  folder_.Write("open", "x");
  ASSERT_EQ(::chmod((folder_ / "closed").c_str(), 0), 0);
  const WalkResult result = [&] {
    const AsNobody nobody(folder_);
    return walk(folder_.path());
  }();
  ASSERT_EQ(::chmod((folder_ / "closed").c_str(), 0700), 0);
  EXPECT_EQ(Skips(result), (std::vector<std::pair<std::string, Skip>>{{"closed", Skip::unreadable}}));
  EXPECT_TRUE(result.skipped[0].folder);
  EXPECT_EQ(result.files.size(), 1u);
}

TEST_F(WalkTest, ExcludeWinsOverIncludeAndAFolderStandsForAllBelow) {
  for (const char* name : {"a.md", "a.txt", "docs/b.md", "docs/c.txt", "docs/old/d.md", "src/e.md"})
    folder_.Write(name, "x");
  EXPECT_THAT(Paths({.include = {"*.md"}}), ElementsAre("a.md", "docs/b.md", "docs/old/d.md", "src/e.md"));
  EXPECT_THAT(Paths({.include = {"docs/"}}), ElementsAre("docs/b.md", "docs/c.txt", "docs/old/d.md"));
  EXPECT_THAT(Paths({.include = {"docs/*.md"}}), ElementsAre("docs/b.md"));
  EXPECT_THAT(Paths({.include = {"docs/**/*.md", "/a.*"}}),
              ElementsAre("a.md", "a.txt", "docs/b.md", "docs/old/d.md"));
  EXPECT_THAT(Paths({.include = {"docs"}, .exclude = {"old"}}), ElementsAre("docs/b.md", "docs/c.txt"));
  EXPECT_EQ(walk(folder_.path(), {.include = {"docs"}, .exclude = {"old"}}).count(Skip::ignored), 4u);
}

TEST_F(WalkTest, PatternsOutOfRuleAreRefused) {
  EXPECT_THROW(walk(folder_.path(), {.include = {""}}), InvalidRequest);
  EXPECT_THROW(walk(folder_.path(), {.exclude = {"[a"}}), InvalidRequest);
  EXPECT_THROW(walk(folder_.path(), {.exclude = {"!a"}}), InvalidRequest);
}

TEST_F(WalkTest, NestedIgnoreFilesAreObeyedOnlyWhenAsked) {
  folder_.Write(".git/config", "x");
  folder_.Write(".gitignore", "*.log\nbuild/\n/top\nsub/*.tmp\n");
  for (const char* name :
       {"a.log", "build/x", "top", "sub/top", "sub/a.tmp", "sub/keep.log", "sub/deep/a.tmp", "sub/deep/b"}) {
    folder_.Write(name, "x");
  }
  folder_.Write("sub/.gitignore", "!keep.log\n/deep/b\n");
  EXPECT_THAT(Paths({.respect_gitignore = true}),
              ElementsAre(".gitignore", "sub/.gitignore", "sub/deep/a.tmp", "sub/keep.log", "sub/top"));
  EXPECT_EQ(Paths().size(), 11u);
}

TEST_F(WalkTest, AFileBelowAnIgnoredFolderCannotBeTakenBack) {
  folder_.Write(".gitignore", "out/\n!out/keep\n");
  folder_.Write("out/keep", "x");
  EXPECT_THAT(Paths({.respect_gitignore = true}), ElementsAre(".gitignore"));
}

TEST_F(WalkTest, RootsOutOfRuleAreNamed) {
  folder_.Write("file", "x");
  const auto why = [](const std::string& root) -> std::string {
    try {
      walk(root);
    } catch (const InvalidRequest& e) {
      return e.what();
    }
    return "it was walked";
  };
  EXPECT_THAT(why(folder_ / "missing"), HasSubstr(folder_ / "missing"));
  EXPECT_THAT(why(folder_ / "file"), HasSubstr("it is a file"));
  EXPECT_THAT(why(""), HasSubstr("folder"));
}

TEST_F(WalkTest, TheRootItselfMayBeALink) {
  folder_.Write("real/file", "x");
  std::filesystem::create_directory_symlink("real", folder_ / "link");
  EXPECT_EQ(walk(folder_ / "link").files.size(), 1u);
}

TEST_F(WalkTest, AnEmptyRootIsFine) { EXPECT_THAT(walk(folder_.path()).files, IsEmpty()); }

}  // namespace
}  // namespace cocoindex::connectors::localfs
