// What another process or thread does between two calls of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "zvec/collection/store.h"
#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/lock.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DirEntry;
using cocozvec::DiskFault;
using cocozvec::SimDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Interleaving : public ::testing::Test {
 protected:
  CollectionOptions On(cocozvec::FileSystem& fs) const {
    CollectionOptions options;
    options.file_system = &fs;
    return options;
  }
  SimDisk disk_;
  HookedFileSystem hooked_{disk_};
};

// Guards: a reader that had listed the directory while the writer sealed took the writer's new log for one
// whose manifest is missing.
TEST_F(Interleaving, AReadOnlyOpenDuringASealTakesTheNewManifest) {
  CollectionOptions options = On(hooked_);
  auto writer = Collection::Create("c", NoteSchema(), options).value();
  ASSERT_TRUE(writer->Upsert(std::vector{Note("a", "1")}).ok());
  std::vector<DirEntry> during;  // the new log is there, the manifest that names it is not
  hooked_.before = [&](const std::string& call, const std::string&) {
    if (call == "rename") during = disk_.List("c").value();
  };
  ASSERT_TRUE(writer->Close().ok());
  writer.reset();
  options.seal_bytes = 1;
  writer = Collection::Open("c", options).value();
  ASSERT_TRUE(writer->Upsert(std::vector{Note("b", "2")}).ok());  // seals
  ASSERT_FALSE(during.empty());
  {
    CollectionOptions large = On(disk_);  // so that "c" stays in the new log
    ASSERT_TRUE(writer->Close().ok());
    writer = Collection::Open("c", large).value();
    ASSERT_TRUE(writer->Upsert(std::vector{Note("c", "3")}).ok());
  }
  HookedFileSystem readers(disk_);
  int lists = 0;
  readers.list = [&](const std::string&) {
    return ++lists <= 2 ? std::optional(during) : std::nullopt;  // the second one is the store's
  };
  CollectionOptions read_only = On(readers);
  read_only.read_only = true;
  const auto reader = Collection::Open("c", read_only);
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_THAT(AllIds(**reader), ElementsAre("a", "b", "c"));
}

TEST_F(Interleaving, AReadOnlyOpenOfADamagedCollectionSaysSoAtOnce) {
  auto writer = Collection::Create("c", NoteSchema(), On(disk_)).value();
  ASSERT_TRUE(writer->Upsert(std::vector{Note("a", "1")}).ok());
  ASSERT_TRUE(writer->Close().ok());
  writer.reset();
  for (const DirEntry& entry : disk_.List("c").value()) {
    if (!entry.name.starts_with("log-")) continue;
    auto file = disk_.Open("c/" + entry.name, cocozvec::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->WriteAt(3, std::as_bytes(std::span("#", 1))).ok());
  }
  int lists = 0;
  hooked_.list = [&](const std::string&) { return ++lists, std::optional<std::vector<DirEntry>>(); };
  CollectionOptions read_only = On(hooked_);
  read_only.read_only = true;
  EXPECT_EQ(Collection::Open("c", read_only).status().code(), StatusCode::kDataLoss);
  EXPECT_LE(lists, 3);
}

// Guards: the identity of the lock file was asked for after it had been opened, so the lock of a directory
// that had been replaced in between went by the new one's name.
TEST_F(Interleaving, ALockOfADirectoryThatIsReplacedMeanwhileIsNotTaken) {
  ASSERT_TRUE(disk_.CreateDirectory("c").ok());
  ASSERT_TRUE(disk_.CreateDirectory("other").ok());
  for (const char* path : {"c/LOCK", "other/LOCK"})
    ASSERT_TRUE(disk_.Open(path, cocozvec::OpenMode::kCreate).ok());
  int calls = 0;
  hooked_.before = [&](const std::string&, const std::string&) {
    if (++calls != 2) return;  // between looking at the file and opening it, whichever comes first
    ASSERT_TRUE(disk_.Rename("c", "gone").ok());
    ASSERT_TRUE(disk_.Rename("other", "c").ok());
  };
  EXPECT_TRUE(DirectoryLock::Acquire(hooked_, "c", /*create=*/false).status().IsNotFound());
  EXPECT_TRUE(DirectoryLock::Acquire(hooked_, "c", /*create=*/false).ok());
}

// Guards: Destroy answered kNotFound when somebody else had tidied the tombstone up a moment before it.
TEST_F(Interleaving, DestroyIsDoneWhenSomebodyElseRemovedTheLastOfIt) {
  Collection::Create("parent/c", NoteSchema(), On(disk_)).value().reset();
  hooked_.before = [&](const std::string& call, const std::string& path) {
    if (call != "remove-directory") return;
    ASSERT_TRUE(disk_.RemoveDirectory(path).ok());
  };
  const Status status = Collection::Destroy("parent/c", On(hooked_));
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_THAT(disk_.List("parent").value(), ::testing::IsEmpty());
}

// Guards: "the id is there already" was answered although the write that had put it there failed.
TEST_F(Interleaving, AnAnswerThatRestsOnAFailedWriteOfTheSameGroupIsNone) {
  auto collection = Collection::Create("c", NoteSchema(), On(disk_)).value();
  constexpr int kOthers = 4;
  std::atomic<int> calling = 0, syncs = 0;
  disk_.OnChange([&](const cocozvec::DiskChange& change) {
    if (change.operation != cocozvec::DiskOperation::kSync || ++syncs != 1) return;
    while (calling != kOthers) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // for them to form a group
    disk_.FailAt(disk_.calls() + 1, DiskFault::kIoError, /*sticky=*/true);
  });
  std::vector<std::thread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(collection->Insert(std::vector{Note("first", "x")}).ok()); });
  while (syncs == 0) std::this_thread::yield();
  for (int t = 0; t < kOthers; ++t) {
    threads.emplace_back([&] {
      ++calling;
      EXPECT_FALSE(collection->Insert(std::vector{Note("same", "x")}).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  disk_.OnChange(nullptr);
}

// Guards: "never seal" (the largest number) wrapped round to a limit of 1 MiB.
TEST(LogLimit, TheLargestSealSizeIsNoSmallLimit) {
  CollectionOptions options;
  for (const std::uint64_t bytes : {std::uint64_t{1} << 20, std::uint64_t{1} << 63, UINT64_MAX}) {
    options.seal_bytes = bytes;
    EXPECT_GE(LogLimit(options), std::min(bytes, std::uint64_t{1} << 62));
  }
}

// Guards: a delete by filter logged ids that could not be looked up; then no open could replay the log.
TEST(DeleteByFilter, OfWhatCannotBeLookedUpLeavesTheCollectionAsItWas) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  {
    auto collection = Collection::Create("c", NoteSchema(), options).value();
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(collection->Upsert(std::vector{Note("id" + std::to_string(i), "text", i % 2)}).ok());
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Close().ok());
  }
  std::string segment;
  for (const DirEntry& entry : disk.List("c").value())
    if (entry.name.starts_with("segment-")) segment = "c/" + entry.name;
  ASSERT_NE(segment, "");
  const std::string bytes = cocozvec::ReadFile(disk, segment, 1 << 20).value();
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 5) {
    const auto copy = disk.PowerCut(cocozvec::PowerCutKind::kKeepEverything);
    options.file_system = copy.get();
    const char other = static_cast<char>(~bytes[at]);
    ASSERT_TRUE(copy->Open(segment, cocozvec::OpenMode::kReadWrite)
                    .value()
                    ->WriteAt(at, std::as_bytes(std::span(&other, 1)))
                    .ok());
    auto opened = Collection::Open("c", options);
    if (!opened.ok()) continue;
    const auto deleted = (*opened)->DeleteByFilter("size = 1");
    opened->reset();
    if (deleted.ok()) continue;
    EXPECT_EQ(deleted.status().code(), StatusCode::kDataLoss);
    ++refused;
    const auto again = Collection::Open("c", options);
    EXPECT_TRUE(again.ok()) << "byte " << at << ": " << again.status().ToString();
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
