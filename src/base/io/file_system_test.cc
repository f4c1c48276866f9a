// What any back end must do; both run through it.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <limits>

#include "base/io/file_system.h"
#include "base/io/sim_disk.h"

namespace cocozvec {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class FileSystemTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    root_ = "/root";
    if (GetParam() == std::string_view("posix")) {
      root_ = testing::TempDir() + "/file_system_XXXXXX";
      ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    } else {
      ASSERT_TRUE(fs_.CreateDirectory(root_).ok());
    }
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

  SimDisk disk_;
  FileSystem& fs_ = GetParam() == std::string_view("posix") ? PosixFileSystem() : disk_;
  std::string root_;
};

INSTANTIATE_TEST_SUITE_P(BackEnds, FileSystemTest, testing::Values("posix", "sim"),
                         [](const auto& back_end) { return std::string(back_end.param); });

TEST_P(FileSystemTest, OpenModesSayWhatMustExist) {
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kRead).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kReadWrite).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(fs_.Open(At("f"), OpenMode::kCreateNew).ok());
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kCreateNew).status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(fs_.Open(At("f"), OpenMode::kCreate).ok());
  EXPECT_TRUE(fs_.Open(At("g"), OpenMode::kCreate).ok());
}

TEST_P(FileSystemTest, ErrorNamesOperationPathAndReason) {
  EXPECT_EQ(fs_.Open(At("f"), OpenMode::kRead).status().message(),
            "open " + At("f") + ": No such file or directory");
}

TEST_P(FileSystemTest, WriteExtendsWithZerosAndReadStopsAtTheEnd) {
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

TEST_P(FileSystemTest, OffsetPastTheLargestFileIsRefused) {
  auto file = fs_.Open(At("f"), OpenMode::kCreateNew).value();
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  std::byte one[1];
  EXPECT_EQ(file->ReadAt(kMax, one).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->WriteAt(kMax, one).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->Truncate(kMax).code(), StatusCode::kInvalidArgument);
}

TEST_P(FileSystemTest, ReadOnlyFileRefusesWrites) {
  Write("f", "x");
  auto file = fs_.Open(At("f"), OpenMode::kRead).value();
  EXPECT_FALSE(file->WriteAt(0, Bytes("y")).ok());
  EXPECT_EQ(Read("f"), "x");
}

TEST_P(FileSystemTest, PathWithANulByteIsRefused) {
  const std::string path = At(std::string_view("a\0b", 3));
  EXPECT_EQ(fs_.Open(path, OpenMode::kCreate).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(fs_.CreateDirectory(path).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Names().empty());
}

TEST_P(FileSystemTest, StatTellsKindSizeAndIdentity) {
  Write("f", "four");
  const FileInfo info = fs_.Stat(At("f")).value();
  EXPECT_EQ(info.kind, FileKind::kFile);
  EXPECT_EQ(info.size, 4u);
  ASSERT_TRUE(fs_.Rename(At("f"), At("g")).ok());
  EXPECT_EQ(fs_.Stat(At("g"))->inode, info.inode);
  EXPECT_TRUE(fs_.Stat(At("f")).status().IsNotFound());
  EXPECT_EQ(fs_.Stat(root_)->kind, FileKind::kDirectory);
}

TEST_P(FileSystemTest, ListIsInNameOrder) {
  for (std::string_view name : {"c", "a", "b"}) Write(name, "");
  ASSERT_TRUE(fs_.CreateDirectory(At("aa")).ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "aa", "b", "c"}));
  EXPECT_EQ(fs_.List(root_).value()[1].kind, FileKind::kDirectory);
  EXPECT_TRUE(fs_.List(At("none")).status().IsNotFound());
}

TEST_P(FileSystemTest, RenameReplacesAndNoReplaceRefuses) {
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

TEST_P(FileSystemTest, MappingOutlivesTheFileAndMayBeEmpty) {
  Write("f", "mapped");
  auto file = fs_.Open(At("f"), OpenMode::kRead).value();
  auto mapping = file->Map(6).value();
  auto nothing = file->Map(0).value();
  EXPECT_EQ(file->Map(7).status().code(), StatusCode::kInvalidArgument);
  file.reset();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(mapping->bytes().data()), 6), "mapped");
  EXPECT_TRUE(nothing->bytes().empty());
}

TEST_P(FileSystemTest, WhatOthersHoldIsToldWithoutTakingIt) {
  auto holder = fs_.Open(At("lock"), OpenMode::kCreate).value();
  auto other = fs_.Open(At("lock"), OpenMode::kRead).value();
  EXPECT_EQ(other->OtherLock().value(), HeldLock::kNone);
  ASSERT_TRUE(holder->TryLock(true).ok());
  EXPECT_EQ(other->OtherLock().value(), HeldLock::kExclusive);
  EXPECT_EQ(holder->OtherLock().value(), HeldLock::kNone);
  ASSERT_TRUE(holder->TryLock(false).ok());
  EXPECT_EQ(other->OtherLock().value(), HeldLock::kShared);
  ASSERT_TRUE(holder->TryLock(true).ok());  // looking took nothing
  holder.reset();
  EXPECT_EQ(other->OtherLock().value(), HeldLock::kNone);
}

TEST_P(FileSystemTest, LocksExcludeOtherHandlesOfTheSameProcess) {
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

TEST_P(FileSystemTest, CreateDirectoriesMakesParentsAndAcceptsWhatIsThere) {
  EXPECT_TRUE(CreateDirectories(fs_, At("a/b/c")).ok());
  EXPECT_TRUE(CreateDirectories(fs_, At("a/b/c/")).ok());
  EXPECT_EQ(fs_.Stat(At("a/b/c"))->kind, FileKind::kDirectory);
  Write("file", "");
  EXPECT_EQ(CreateDirectories(fs_, At("file")).code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(CreateDirectories(fs_, At("file/below")).ok());
}

TEST_P(FileSystemTest, AtomicWriteReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomically(fs_, At("f"), "old and long").ok());
  Write("f.tmp", "left over from a crash, longer than the new content");
  ASSERT_TRUE(WriteFileAtomically(fs_, At("f"), "new").ok());
  EXPECT_EQ(Read("f"), "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"f"});
}

TEST_P(FileSystemTest, ReadFileLargerThanAllowedIsRefused) {
  Write("f", "12345");
  EXPECT_EQ(ReadFile(fs_, At("f"), 5).value(), "12345");
  EXPECT_EQ(ReadFile(fs_, At("f"), 4).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cocozvec
