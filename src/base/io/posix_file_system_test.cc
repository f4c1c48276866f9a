#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>

#include "base/io/file_system.h"

namespace cocozvec {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class PosixFileSystemTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/posix_fs_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(fs_, root_).ok()); }

  std::string At(std::string_view name) const { return JoinPath(root_, name); }
  std::string Read(std::string_view name) { return ReadFile(fs_, At(name), 1 << 20).value(); }
  void Write(std::string_view name, std::string_view content) {
    ASSERT_TRUE(fs_.Open(At(name), OpenMode::kCreate).value()->WriteAt(0, Bytes(content)).ok());
  }
  std::vector<std::string> Names(std::string_view directory = "") {
    std::vector<std::string> names;
    for (const DirEntry& entry : fs_.List(At(directory)).value()) names.push_back(entry.name);
    return names;
  }
  unsigned ModeOf(std::string_view name) const {
    struct stat info{};
    EXPECT_EQ(::lstat(At(name).c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  FileSystem& fs_ = PosixFileSystem();
  std::string root_;
};

TEST_F(PosixFileSystemTest, FilesAndDirectoriesAreTheOwnersAlone) {
  Write("f", "x");
  ASSERT_TRUE(fs_.CreateDirectory(At("d")).ok());
  EXPECT_EQ(ModeOf("f"), 0600u);
  EXPECT_EQ(ModeOf("d"), 0700u);
}

TEST_F(PosixFileSystemTest, OnlyRegularFilesOpenAndLinksAreNotFollowed) {
  Write("f", "x");
  ASSERT_EQ(::symlink(At("f").c_str(), At("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(At("pipe").c_str(), 0600), 0);
  for (OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate}) {
    for (std::string_view name : {"", "link", "pipe"}) {
      const Status status = fs_.Open(At(name), mode).status();
      EXPECT_EQ(status.code(), StatusCode::kIoError) << name;
      EXPECT_NE(status.message().find("not a regular file"), std::string_view::npos) << status.ToString();
    }
  }
  EXPECT_EQ(fs_.Stat(At("link"))->kind, FileKind::kOther);
}

// Guards: a block that the disk could not read, or that had been cut off, ended the process when it was used.
TEST_F(PosixFileSystemTest, BytesOfAMappingThatAreGoneAreAnErrorNotASignal) {
  Write("f", std::string(40'000, 'x'));
  const auto file = fs_.Open(At("f"), OpenMode::kReadWrite).value();
  const auto mapping = file->Map(40'000).value();
  ASSERT_TRUE(file->Truncate(5'000).ok());
  EXPECT_TRUE(mapping->Populate(0, 8'192).ok());
  const Status status = mapping->Populate(30'000, 10'000);
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_NE(status.message().find(At("f") + ": the 10000 bytes from offset 30000"), std::string_view::npos)
      << status.ToString();
}

// Guards: a writer changed a file elsewhere, through a hard link that somebody had put in the place of ours.
TEST_F(PosixFileSystemTest, AFileOfTwoNamesIsReadAndNotWritten) {
  Write("f", "x");
  ASSERT_EQ(::link(At("f").c_str(), At("g").c_str()), 0);
  EXPECT_EQ(Read("g"), "x");
  for (OpenMode mode : {OpenMode::kReadWrite, OpenMode::kCreate}) {
    const Status status = fs_.Open(At("g"), mode).status();
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(status.message().find("2 names"), std::string_view::npos) << status.ToString();
  }
  ASSERT_TRUE(fs_.RemoveFile(At("f")).ok());
  EXPECT_TRUE(fs_.Open(At("g"), OpenMode::kReadWrite).ok());
}

TEST_F(PosixFileSystemTest, AWatchTellsOfWritesAndOfRemovalOnly) {
  Write("f", "x");
  const auto watch = fs_.Watch(At("f")).value();
  EXPECT_FALSE(watch->Wait(0));
  EXPECT_EQ(Read("f"), "x");
  EXPECT_FALSE(watch->Wait(0));
  Write("f", "y");
  EXPECT_TRUE(watch->Wait(0));
  EXPECT_FALSE(watch->Wait(0));
  ASSERT_TRUE(fs_.RemoveFile(At("f")).ok());
  EXPECT_TRUE(watch->Wait(0));
  EXPECT_TRUE(fs_.Watch(At("f")).status().IsNotFound());
}

TEST_F(PosixFileSystemTest, DirectoriesAreReachedThroughLinks) {
  ASSERT_TRUE(CreateDirectories(fs_, At("a/b")).ok());
  ASSERT_EQ(::symlink(At("a").c_str(), At("link").c_str()), 0);
  EXPECT_TRUE(CreateDirectories(fs_, At("link/d")).ok());
  EXPECT_TRUE(WriteFileAtomically(fs_, At("link/f"), "x").ok());
  EXPECT_EQ(Names("link"), (std::vector<std::string>{"b", "d", "f"}));
}

TEST_F(PosixFileSystemTest, RemoveTreeLeavesWhatALinkPointsTo) {
  ASSERT_TRUE(CreateDirectories(fs_, At("tree/x/y")).ok());
  ASSERT_TRUE(CreateDirectories(fs_, At("other")).ok());
  Write("other/kept", "");
  Write("tree/x/f", "");
  ASSERT_EQ(::symlink(At("other").c_str(), At("tree/x/link").c_str()), 0);
  EXPECT_TRUE(RemoveTree(fs_, At("tree")).ok());
  EXPECT_TRUE(RemoveTree(fs_, At("tree")).ok());
  EXPECT_EQ(Names(), std::vector<std::string>{"other"});
  EXPECT_EQ(Names("other"), std::vector<std::string>{"kept"});
}

}  // namespace
}  // namespace cocozvec
