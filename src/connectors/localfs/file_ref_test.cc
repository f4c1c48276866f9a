#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cocoindex/connectors/localfs.h"
#include "cocoindex/memo.h"
#include "connectors/localfs/test_folder.h"

namespace cocoindex::connectors::localfs {
namespace {

using ::testing::HasSubstr;

class FileRefTest : public ::testing::Test {
 protected:
  /// As a scan would see the file `later_s` seconds from now.
  FileRef Scan(const std::string& name, std::int64_t later_s = 10) const {
    Looked looked = look_at(*folder_, name);
    EXPECT_TRUE(looked.entry.has_value()) << looked.skipped.detail;
    FileEntry entry = looked.entry.value_or(FileEntry{.path = name});
    entry.seen_ns += later_s * 1'000'000'000;
    return FileRef(folder_, entry);
  }
  static MemoStates Check(const FileRef& file, const std::vector<std::string>* previous) {
    return collect_memo_states(previous, file);
  }
  static void SetTime(const std::string& path, std::int64_t s) {
    const timespec times[] = {{s, 0}, {s, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  TestFolder dir_;
  std::shared_ptr<Folder> folder_ = std::make_shared<Folder>(Folder{.name = "docs", .path = dir_.path()});
};

TEST_F(FileRefTest, KeyIsTheNameOfTheFolderAndThePath) {
  dir_.Write("a/b.txt", "text");
  const FileRef file = Scan("a/b.txt");
  EXPECT_EQ(coco_memo_key(file), std::pair(std::string("docs"), std::string("a/b.txt")));
  auto moved = std::make_shared<Folder>(*folder_);
  moved->path = "/elsewhere";
  EXPECT_EQ(memo_key_of("f", file), memo_key_of("f", FileRef(moved, file.entry())));
}

TEST_F(FileRefTest, ContentIsReadOnceAndCopiesReadForThemselves) {
  dir_.Write("a", "one");
  const FileRef file = Scan("a");
  EXPECT_EQ(file.content().text, "one");
  dir_.Write("a", "two");
  EXPECT_EQ(file.content().text, "one");
  const FileRef copy = file;
  EXPECT_EQ(copy.content().text, "two");
  const FileRef moved = std::move(copy);
  EXPECT_EQ(moved.content().text, "two");
}

TEST_F(FileRefTest, AnUntouchedFileIsValidWithoutBeingOpened) {
  dir_.Write("a", "text");
  const auto first = Check(Scan("a"), nullptr);
  EXPECT_FALSE(first.valid);
  const FileRef file = Scan("a");
  std::filesystem::remove(dir_ / "a");  // opening it would fail now
  const auto second = Check(file, &first.states);
  EXPECT_TRUE(second.valid);
  EXPECT_FALSE(second.changed);
}

// Guards: a change within the granularity of the time stamps, just after the first scan, was never seen.
TEST_F(FileRefTest, AFileYoungerThanTwoSecondsAtTheLastScanIsReadAgain) {
  dir_.Write("a", "one");
  FileRef young = Scan("a", 0);
  const auto first = Check(young, nullptr);
  dir_.Write("a", "two");
  EXPECT_FALSE(
      Check(FileRef(folder_, young.entry()), &first.states).valid);  // the very same times, size, inode
  const auto second = Check(Scan("a"), nullptr);
  dir_.Write("a", "two");
  const auto third = Check(Scan("a"), &second.states);
  EXPECT_TRUE(third.valid);
}

TEST_F(FileRefTest, ATouchedFileIsValidWithANewState) {
  dir_.Write("a", "text");
  const auto first = Check(Scan("a"), nullptr);
  SetTime(dir_ / "a", 1'000'000'000);
  const auto second = Check(Scan("a"), &first.states);
  EXPECT_TRUE(second.valid);
  EXPECT_TRUE(second.changed);
  const auto third = Check(Scan("a"), &second.states);
  EXPECT_TRUE(third.valid);
  EXPECT_FALSE(third.changed);
}

TEST_F(FileRefTest, AChangeOfContentIsSeenAndTheBodyGetsTheBytesOfTheState) {
  dir_.Write("a", "one");
  const auto first = Check(Scan("a"), nullptr);
  dir_.Write("a", "two");
  const FileRef file = Scan("a");
  EXPECT_FALSE(Check(file, &first.states).valid);
  dir_.Write("a", "three");
  EXPECT_EQ(file.content().text, "two");
}

TEST_F(FileRefTest, AFileFromTheFutureIsReadEachTime) {
  dir_.Write("a", "text");
  SetTime(dir_ / "a", 4'000'000'000);
  const auto first = Check(Scan("a"), nullptr);
  const FileRef file = Scan("a");
  std::filesystem::remove(dir_ / "a");
  EXPECT_FALSE(Check(file, &first.states).valid);
}

TEST_F(FileRefTest, EveryOutcomeOfReadingIsDefined) {
  folder_->max_file_bytes = 10'000;
  dir_.Write("empty", "");
  dir_.Write("nul", std::string("a\0b", 3));
  dir_.Write("late nul", std::string(9000, 'a') + std::string(1, '\0'));
  dir_.Write("latin1", "caf\xe9");
  dir_.Write("large", std::string(10'001, 'a'));
  EXPECT_EQ(Scan("empty").content().skipped, std::nullopt);
  EXPECT_EQ(Scan("nul").content().skipped, Skip::binary);
  EXPECT_EQ(Scan("late nul").content().skipped, std::nullopt);
  EXPECT_EQ(Scan("latin1").content().skipped, Skip::binary);
  EXPECT_EQ(Scan("latin1").content().text, "");
  const FileRef large(folder_, FileEntry{.path = "large"});
  EXPECT_EQ(large.content().skipped, Skip::oversized);
  EXPECT_THAT(large.content().detail, HasSubstr("10001 bytes"));
  const FileRef gone(folder_, FileEntry{.path = "gone"});
  EXPECT_EQ(gone.content().skipped, Skip::vanished);
  std::filesystem::create_symlink("empty", dir_ / "link");
  EXPECT_EQ(FileRef(folder_, FileEntry{.path = "link"}).content().skipped, Skip::symlink);
  EXPECT_EQ(FileRef(folder_, FileEntry{.path = "link"}).content().skipped, Skip::symlink);
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(FileRef(folder_, FileEntry{.path = "pipe"}).content().skipped, Skip::special);
}

TEST_F(FileRefTest, AFileThatCannotBeReadIsTriedAgain) {
  dir_.Write("a", "text");
  ASSERT_EQ(::chmod((dir_ / "a").c_str(), 0), 0);
  MemoStates first;
  {
    const AsNobody nobody(dir_);
    const FileRef closed = Scan("a");
    first = Check(closed, nullptr);
    EXPECT_EQ(closed.content().skipped, Skip::unreadable);
    EXPECT_TRUE(Check(Scan("a"), &first.states).valid);
  }
  ASSERT_EQ(::chmod((dir_ / "a").c_str(), 0600), 0);
  EXPECT_FALSE(Check(Scan("a"), &first.states).valid);
}

TEST_F(FileRefTest, ARaisedLimitBringsALargeFileBack) {
  dir_.Write("a", "0123456789");
  const FileEntry entry = Scan("a").entry();
  auto small = std::make_shared<Folder>(*folder_);
  small->max_file_bytes = 5;
  const auto first = Check(FileRef(small, entry), nullptr);
  EXPECT_TRUE(Check(FileRef(small, entry), &first.states).valid);
  EXPECT_FALSE(Check(FileRef(folder_, entry), &first.states).valid);
}

TEST_F(FileRefTest, AStateOfAnotherProgramCountsAsNone) {
  dir_.Write("a", "text");
  const std::vector<std::string> garbage{"not a state"};
  EXPECT_FALSE(Check(Scan("a"), &garbage).valid);
}

TEST_F(FileRefTest, LookingAtWhatIsNoFileGivesTheReason) {
  EXPECT_EQ(look_at(*folder_, "missing").skipped.reason, Skip::vanished);
  dir_.Write("d/x", "");
  EXPECT_EQ(look_at(*folder_, "d").skipped.reason, Skip::special);
  EXPECT_EQ(look_at(*folder_, "d/x/y").skipped.reason, Skip::vanished);
}

}  // namespace
}  // namespace cocoindex::connectors::localfs
