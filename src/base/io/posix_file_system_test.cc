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

TEST_F(PosixFileSystemTest, OpenModesSayWhatMustExist) {
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kRead).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kReadWrite).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(fs_.Open(At("f"), OpenMode::kCreateNew).ok());
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kCreateNew).status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(fs_.Open(At("f"), OpenMode::kCreate).ok());
  EXPECT_TRUE(fs_.Open(At("g"), OpenMode::kCreate).ok());
}

TEST_F(PosixFileSystemTest, ErrorNamesOperationPathAndReason) {
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kRead).status().message(),
            "open " + At("f") + ": No such file or directory");
}

TEST_F(PosixFileSystemTest, FilesAndDirectoriesAreTheOwnersAlone) {
  Write("f", "x");
  ASSERT_TRUE(fs_.CreateDirectory(At("d")).ok());
  EXPECT_EQ(ModeOf("f"), 0600u);
  EXPECT_EQ(ModeOf("d"), 0700u);
}

TEST_F(PosixFileSystemTest, WriteExtendsWithZerosAndReadStopsAtTheEnd) {
  auto file = fs_.Open(At("f"), OpenMode::kCreateNew).value();
  ASSERT_TRUE(file->WriteAt(3, Bytes("abc")).ok());
  EXPECT_EQ(file->Size().value(), 6u);
  char buffer[10] = {};
  EXPECT_EQ(file->ReadAt(1, std::as_writable_bytes(std::span(buffer))).value(), 5u);
  EXPECT_EQ(std::string(buffer, 5), std::string("\0\0abc", 5));
  EXPECT_EQ(file->ReadAt(6, std::as_writable_bytes(std::span(buffer))).value(), 0u);
  ASSERT_TRUE(file->Truncate(4).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(Read("f"), std::string("\0\0\0a", 4));
}

TEST_F(PosixFileSystemTest, OffsetPastTheLargestFileIsRefused) {
  auto file = fs_.Open(At("f"), OpenMode::kCreateNew).value();
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  std::byte one[1];
  EXPECT_EQ(file->ReadAt(kMax, one).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->WriteAt(kMax, one).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->Truncate(kMax).code(), StatusCode::kInvalidArgument);
}

TEST_F(PosixFileSystemTest, ReadOnlyFileRefusesWrites) {
  Write("f", "x");
  auto file = fs_.Open(At("f"), OpenMode::kRead).value();
  EXPECT_FALSE(file->WriteAt(0, Bytes("y")).ok());
  EXPECT_EQ(Read("f"), "x");
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

TEST_F(PosixFileSystemTest, PathWithANulByteIsRefused) {
  const std::string path = At(std::string_view("a\0b", 3));
  EXPECT_EQ(fs_.Open(path, OpenMode::kCreate).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(fs_.CreateDirectory(path).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Names().empty());
}

TEST_F(PosixFileSystemTest, StatTellsKindSizeAndIdentity) {
  Write("f", "four");
  const FileInfo info = fs_.Stat(At("f")).value();
  EXPECT_EQ(info.kind, FileKind::kFile);
  EXPECT_EQ(info.size, 4u);
  ASSERT_TRUE(fs_.Rename(At("f"), At("g")).ok());
  EXPECT_EQ(fs_.Stat(At("g"))->inode, info.inode);
  EXPECT_TRUE(fs_.Stat(At("f")).status().IsNotFound());
  EXPECT_EQ(fs_.Stat(root_)->kind, FileKind::kDirectory);
}

TEST_F(PosixFileSystemTest, ListIsInNameOrder) {
  for (std::string_view name : {"c", "a", "b"}) Write(name, "");
  ASSERT_TRUE(fs_.CreateDirectory(At("aa")).ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "aa", "b", "c"}));
  EXPECT_EQ(fs_.List(root_).value()[1].kind, FileKind::kDirectory);
  EXPECT_TRUE(fs_.List(At("none")).status().IsNotFound());
}

TEST_F(PosixFileSystemTest, RenameReplacesAndNoReplaceRefuses) {
  Write("a", "1");
  Write("b", "2");
  EXPECT_EQ(fs_.RenameNoReplace(At("a"), At("b")).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Read("b"), "2");
  ASSERT_TRUE(fs_.Rename(At("a"), At("b")).ok());
  EXPECT_EQ(Read("b"), "1");
  ASSERT_TRUE(fs_.RenameNoReplace(At("b"), At("c")).ok());
  EXPECT_EQ(Names(), std::vector<std::string>{"c"});
  EXPECT_TRUE(fs_.SyncDirectory(root_).ok());
}

TEST_F(PosixFileSystemTest, MappingOutlivesTheFileAndMayBeEmpty) {
  Write("f", "mapped");
  auto file = fs_.Open(At("f"), OpenMode::kRead).value();
  auto mapping = file->Map(6).value();
  auto nothing = file->Map(0).value();
  EXPECT_EQ(file->Map(7).status().code(), StatusCode::kInvalidArgument);
  file.reset();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(mapping->bytes().data()), 6), "mapped");
  EXPECT_TRUE(nothing->bytes().empty());
}

TEST_F(PosixFileSystemTest, LocksExcludeOtherHandlesOfTheSameProcess) {
  auto first = fs_.Open(At("lock"), OpenMode::kCreate).value();
  auto second = fs_.Open(At("lock"), OpenMode::kCreate).value();
  ASSERT_TRUE(first->TryLock(true).ok());
  EXPECT_EQ(second->TryLock(true).code(), StatusCode::kBusy);
  EXPECT_EQ(second->TryLock(false).code(), StatusCode::kBusy);
  ASSERT_TRUE(first->TryLock(false).ok());  // downgraded
  EXPECT_TRUE(second->TryLock(false).ok());
  EXPECT_EQ(first->TryLock(true).code(), StatusCode::kBusy);
  second.reset();  // closing drops it
  EXPECT_TRUE(first->TryLock(true).ok());
  ASSERT_TRUE(first->Unlock().ok());
  EXPECT_TRUE(fs_.Open(At("lock"), OpenMode::kCreate).value()->TryLock(true).ok());
}

TEST_F(PosixFileSystemTest, CreateDirectoriesMakesParentsAndAcceptsWhatIsThere) {
  EXPECT_TRUE(CreateDirectories(fs_, At("a/b/c")).ok());
  EXPECT_TRUE(CreateDirectories(fs_, At("a/b/c/")).ok());
  EXPECT_EQ(fs_.Stat(At("a/b/c"))->kind, FileKind::kDirectory);
  Write("file", "");
  EXPECT_EQ(CreateDirectories(fs_, At("file")).code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(CreateDirectories(fs_, At("file/below")).ok());
  ASSERT_EQ(::symlink(At("a").c_str(), At("link").c_str()), 0);
  EXPECT_TRUE(CreateDirectories(fs_, At("link/d")).ok());
  EXPECT_EQ(Names("a"), (std::vector<std::string>{"b", "d"}));
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

TEST_F(PosixFileSystemTest, AtomicWriteReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomically(fs_, At("f"), "old and long").ok());
  Write("f.tmp", "left over from a crash, longer than the new content");
  ASSERT_TRUE(WriteFileAtomically(fs_, At("f"), "new").ok());
  EXPECT_EQ(Read("f"), "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_F(PosixFileSystemTest, ReadFileLargerThanAllowedIsRefused) {
  Write("f", "12345");
  EXPECT_EQ(ReadFile(fs_, At("f"), 5).value(), "12345");
  EXPECT_EQ(ReadFile(fs_, At("f"), 4).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cocozvec
