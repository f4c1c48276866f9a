// Readers beside writers that close, begin after a crash, take back what they wrote, or write to a copy that
// was put in the place of the collection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"
#include "zvec/storage/publication.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DiskChange;
using cocozvec::DiskFault;
using cocozvec::DiskOperation;
using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::SimDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Handle = std::shared_ptr<Collection>;

CollectionOptions Options(cocozvec::FileSystem& fs, bool read_only) {
  CollectionOptions options;
  options.file_system = &fs;
  options.read_only = read_only;
  options.index_min_rows = 1;
  options.maintenance = Maintenance::kInline;
  return options;
}
Handle Writer(cocozvec::FileSystem& fs) { return Collection::Open("c", Options(fs, false)).value(); }
Handle Reader(cocozvec::FileSystem& fs) { return Collection::Open("c", Options(fs, true)).value(); }
Handle Create(cocozvec::FileSystem& fs) {
  return Collection::Create("c", NoteSchema(), Options(fs, false)).value();
}
Status Put(Collection& writer, const std::string& id) {
  return writer.Upsert(std::vector{Note(id, id)}).status();
}

void CloseUnderReaders(bool pinned) {
  SimDisk disk;
  const Handle writer = Create(disk);
  ASSERT_TRUE(Put(*writer, "a").ok());
  const Handle old = Reader(disk);  // its generation goes in Close, when it lets go of it
  Handle reader = Reader(disk);
  for (int i = 0; pinned && i < 3; ++i) {
    ASSERT_TRUE(Put(*writer, "b" + std::to_string(i)).ok());
    ASSERT_TRUE(writer->Optimize().ok());
  }
  ASSERT_TRUE(reader->Refresh().ok());
  ASSERT_TRUE(Put(*writer, "z").ok());
  ASSERT_TRUE(old->Close().ok());
  const std::size_t want = pinned ? 5 : 2;
  std::size_t looks = 0, removed = 0;
  bool inside = false;
  disk.OnChange([&](const DiskChange& change) {
    if (inside) return;
    inside = true;
    const auto opened = Collection::Open("c", Options(disk, true));
    EXPECT_TRUE(opened.ok()) << change.path << ": " << opened.status().ToString();
    if (opened.ok()) {
      EXPECT_EQ(AllIds(**opened).size(), want) << change.path;
    }
    const auto moved = reader->Refresh();
    EXPECT_TRUE(moved.ok()) << change.path << ": " << moved.status().ToString();
    EXPECT_EQ(AllIds(*reader).size(), want) << change.path;
    removed += change.operation == DiskOperation::kRemoveFile;
    ++looks;
    inside = false;
  });
  EXPECT_TRUE(writer->Close().ok());
  disk.OnChange(nullptr);
  EXPECT_GT(looks, 3u);  // close record, sync, publication, note
  EXPECT_EQ(removed > 0, pinned);
  EXPECT_EQ(AllIds(*Reader(disk)).size(), want);
}

TEST(FollowRaces, AReaderOpensAndMovesAtEveryMomentOfAWritersClose) { CloseUnderReaders(false); }

TEST(FollowRaces, AReaderOpensAndMovesWhileAClosingWriterRemovesWhatWasPinned) { CloseUnderReaders(true); }

/// A disk after the death of a writer half way in a large record, whose first half is there: "a" is whole.
std::unique_ptr<SimDisk> TornDisk() {
  SimDisk disk;
  const Handle writer = Create(disk);
  EXPECT_TRUE(Put(*writer, "a").ok());
  const std::uint64_t end = disk.Stat("c/log-1").value().size;
  EXPECT_TRUE(writer->Upsert(std::vector{Note("large", std::string(40'000, 'x'))}).ok());
  auto after = disk.ProcessKill();
  EXPECT_TRUE(after->Open("c/log-1", OpenMode::kReadWrite).value()->Truncate(end + 20'000).ok());
  return after;
}

TEST(FollowRaces, ARecordThatIsThereInPartOrHasAHoleIsNotThereYet) {
  for (const bool hole : {false, true}) {
    const auto disk = TornDisk();
    auto log = disk->Open("c/log-1", OpenMode::kReadWrite).value();
    const Handle reader = Reader(*disk);
    if (hole) {  // its size is there, its last sectors are zeros
      ASSERT_TRUE(log->Truncate(log->Size().value() + 40'000).ok());
    }
    EXPECT_FALSE(reader->Refresh().value());
    EXPECT_FALSE(reader->WaitForChange(0).value());
    EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
    EXPECT_THAT(AllIds(*Reader(*disk)), ElementsAre("a"));
  }
}

/// Runs `work` once, before the first read of a byte of the log that is not before `from`.
void BeforeReadingLog(HookedFileSystem& hooked, std::uint64_t from, const std::function<void()>& work) {
  hooked.unreadable = [done = std::make_shared<bool>(false), from, work](
                          const std::string& path, std::uint64_t offset, std::uint64_t) {
    if (path != "c/log-1" || offset < from || std::exchange(*done, true)) return Status();
    work();
    return Status();
  };
}

/// Appends a record that is in the file, neither synced nor acknowledged, and cannot be taken back.
void AppendUnsynced(SimDisk& disk, Collection& writer) {
  disk.FailAt(disk.calls() + 2, DiskFault::kIoError, /*sticky=*/true);  // write, sync
  EXPECT_FALSE(Put(writer, "unsynced").ok());
  disk.ClearFault();
}

TEST(FollowRaces, WhatAWriterAppendsInPlaceOfATornEndIsNotReadAsThatEnd) {
  for (const bool append : {false, true}) {
    const auto disk = TornDisk();
    HookedFileSystem hooked(*disk);
    Handle writer;
    BeforeReadingLog(hooked, 0, [&] {
      writer = Writer(*disk);
      if (append) AppendUnsynced(*disk, *writer);
    });
    const auto reader = Collection::Open("c", Options(hooked, true));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    EXPECT_THAT(AllIds(**reader), ElementsAre("a"));
  }
}

TEST(FollowRaces, ARefreshDoesNotShowWhatAWriterAppendsInPlaceOfATornEnd) {
  for (const bool append : {false, true}) {
    const auto disk = TornDisk();
    HookedFileSystem hooked(*disk);
    Handle writer;
    int readings = 0;
    // The first reading is the opening's.
    hooked.unreadable = [&](const std::string& path, std::uint64_t offset, std::uint64_t) {
      if (path != "c/log-1" || writer || readings == 0 || offset == 0) return Status();
      writer = Writer(*disk);
      if (append) AppendUnsynced(*disk, *writer);
      return Status();
    };
    const Handle reader = Reader(hooked);
    readings = 1;
    const auto moved = reader->Refresh();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(moved.ok()) << moved.status().ToString();
    EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
    writer.reset();
    writer = Writer(*disk);
    ASSERT_TRUE(Put(*writer, "b").ok());
    EXPECT_TRUE(reader->Refresh().ok());
    EXPECT_EQ(AllIds(*reader), AllIds(*writer));
  }
}

void CopyDirectory(SimDisk& disk, const std::string& from, const std::string& to) {
  ASSERT_TRUE(disk.CreateDirectory(to).ok());
  for (const auto& entry : disk.List(from).value()) {
    const std::string bytes = cocozvec::ReadFile(disk, JoinPath(from, entry.name), 1 << 30).value();
    auto file = disk.Open(JoinPath(to, entry.name), OpenMode::kCreateNew).value();
    ASSERT_TRUE(file->WriteAt(0, std::as_bytes(std::span(bytes))).ok());
  }
}

TEST(FollowRaces, ACopyThatIsPutInPlaceOfTheCollectionIsFollowed) {
  for (int more = 0; more < 3; ++more) {  // its log is shorter than what is shown, as long, longer
    SimDisk disk;
    Create(disk).reset();
    CopyDirectory(disk, "c", "copy");
    Handle writer = Writer(disk);
    ASSERT_TRUE(Put(*writer, "a").ok());
    const Handle reader = Reader(disk);
    EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
    writer.reset();
    ASSERT_TRUE(disk.Rename("c", "c.bad").ok());
    ASSERT_TRUE(disk.Rename("copy", "c").ok());
    writer = Writer(disk);
    for (int i = 0; i < more; ++i) ASSERT_TRUE(Put(*writer, std::string(1, static_cast<char>('b' + i))).ok());
    const auto moved = reader->Refresh();
    ASSERT_TRUE(moved.ok()) << more << ": " << moved.status().ToString();
    EXPECT_EQ(AllIds(*reader), AllIds(*writer)) << more;
    ASSERT_TRUE(Put(*writer, "z").ok());
    EXPECT_TRUE(reader->Refresh().value());
    EXPECT_EQ(AllIds(*reader), AllIds(*writer)) << more;
  }
}

TEST(FollowRaces, WhatAWriterThatPublishesNothingTakesBackGoesWithTheNextRefresh) {
  SimDisk disk;
  Handle writer = Create(disk);
  const Handle reader = Reader(disk);
  disk.FailAt(disk.calls() + 3, DiskFault::kIoError);  // write, sync, publication
  ASSERT_TRUE(Put(*writer, "a").ok());
  disk.OnChange([&](const DiskChange& change) {  // written, not synced yet
    if (change.operation != DiskOperation::kWrite || !change.path.starts_with("c/log-")) return;
    disk.OnChange(nullptr);
    EXPECT_TRUE(reader->Refresh().ok());
    disk.FailAt(disk.calls() + 1, DiskFault::kIoError);
  });
  EXPECT_FALSE(Put(*writer, "b").ok());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));  // as docs/readers.md says
  EXPECT_TRUE(reader->Refresh().ok());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  writer.reset();
  writer = Writer(disk);
  ASSERT_TRUE(Put(*writer, "c").ok());
  EXPECT_TRUE(reader->Refresh().ok());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "c"));
}

TEST(FollowRaces, AWriterThatCannotTellItsReadersOfAWriteTakesNoMore) {
  SimDisk disk;
  Handle writer = Create(disk);
  ASSERT_TRUE(Put(*writer, "a").ok());
  const Handle reader = Reader(disk);
  disk.FailAt(disk.calls() + 3, DiskFault::kIoError, /*sticky=*/true);  // write, sync, publication, lock
  EXPECT_TRUE(Put(*writer, "b").ok());
  disk.ClearFault();
  const Status status = Put(*writer, "c");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("could not be told"));
  writer.reset();
  EXPECT_TRUE(reader->Refresh().value());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

// Guards: a Refresh that met real damage in the newer generation opened it twenty times before it said so.
TEST(FollowRaces, DamageInTheNewerGenerationIsToldAtTheFirstLook) {
  for (const std::string kind : {"segment-", "MANIFEST-"}) {
    SimDisk disk;
    HookedFileSystem hooked(disk);
    const Handle writer = Create(disk);
    const Handle reader = Reader(hooked);
    ASSERT_TRUE(Put(*writer, "a").ok());
    ASSERT_TRUE(writer->Optimize().ok());
    std::string newest;
    for (const auto& entry : disk.List("c").value())
      if (entry.name.starts_with(kind)) newest = JoinPath("c", entry.name);
    const std::uint64_t size = disk.Stat(newest).value().size;
    auto file = disk.Open(newest, OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->WriteAt(size - 8, std::as_bytes(std::span("damaged", 8))).ok());
    int opened = 0;
    hooked.before = [&](const std::string& call, const std::string& path) {
      opened += call == "open" && path == newest;
    };
    const Status status = reader->Refresh().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr(newest));
    EXPECT_EQ(opened, kind == "segment-" ? 1 : 2) << newest;  // a manifest is opened to be pinned, and read
    opened = 0;
    EXPECT_EQ(Collection::Open("c", Options(hooked, true)).status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(opened, kind == "segment-" ? 1 : 2) << newest;
  }
}

// Guards: each Refresh read what the writer says twenty times a second long, while a newer manifest was
// there.
TEST(FollowRaces, WhatTheWriterSaysIsReadOnceAgainWhereItWasDamagedBefore) {
  constexpr std::uint64_t kPlace = kPublicationOffset + 24;  // the generation
  SimDisk disk;
  HookedFileSystem hooked(disk);
  int reads = 0;
  hooked.unreadable = [&](const std::string& path, std::uint64_t offset, std::uint64_t) {
    reads += path == JoinPath("c", kLockName) && offset == kPublicationOffset;
    return Status();
  };
  const Handle writer = Create(disk);
  const Handle reader = Reader(hooked);
  ASSERT_TRUE(Put(*writer, "a").ok());
  ASSERT_TRUE(writer->Optimize().ok());
  const auto file = disk.Open(JoinPath("c", kLockName), OpenMode::kReadWrite).value();
  std::byte right[8];
  ASSERT_TRUE(file->ReadAt(kPlace, right).ok());
  ASSERT_TRUE(file->WriteAt(kPlace, std::as_bytes(std::span("damaged", 8))).ok());
  EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kDataLoss);  // waits for a write that stands still
  for (int again = 0; again < 3; ++again) {
    reads = 0;
    EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kDataLoss);
    EXPECT_GT(reads, 0);
    EXPECT_LE(reads, 50) << "one look, without waiting";
  }
  ASSERT_TRUE(file->WriteAt(kPlace, right).ok());
  EXPECT_TRUE(reader->Refresh().value());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
}

// Guards: a log that went on changing its name was reported as a lost file.
TEST(FollowRaces, WhatChangesUnderEveryLookIsBusyAndWhatIsMissingIsLost) {
  SimDisk disk;
  HookedFileSystem hooked(disk);
  Handle writer = Create(disk);
  const Handle reader = Reader(hooked);
  ASSERT_TRUE(Put(*writer, "a").ok());
  ASSERT_TRUE(writer->Optimize().ok());
  ASSERT_TRUE(Put(*writer, "b").ok());
  writer.reset();
  std::string log;
  for (const auto& entry : disk.List("c").value())
    if (entry.name.starts_with("log-")) log = JoinPath("c", entry.name);
  const std::string bytes = cocozvec::ReadFile(disk, log, 1 << 20).value();
  int looks = 0;
  hooked.before = [&](const std::string& call, const std::string& path) {
    if (call != "open" || path != log) return;
    ++looks;
    ASSERT_TRUE(cocozvec::WriteFileAtomically(disk, log, bytes).ok());
  };
  for (const Status& status :
       {reader->Refresh().status(), Collection::Open("c", Options(hooked, true)).status()}) {
    EXPECT_EQ(status.code(), StatusCode::kBusy) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr(log + " was replaced while it was opened"));
  }
  EXPECT_EQ(looks, 2 * kLooks);
  hooked.before = nullptr;
  ASSERT_TRUE(disk.RemoveFile(log).ok());
  for (const Status& status :
       {reader->Refresh().status(), Collection::Open("c", Options(hooked, true)).status()}) {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr("a file that the manifest names is missing"));
  }
  ASSERT_TRUE(cocozvec::WriteFileAtomically(disk, log, bytes).ok());
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

/// Counts watches, and waits of each of them; nothing ever happens.
class WatchedDisk final : public HookedFileSystem {
 public:
  using HookedFileSystem::HookedFileSystem;
  Result<std::unique_ptr<cocozvec::FileWatch>> Watch(PathView) override {
    waits.push_back(0);
    return std::unique_ptr<cocozvec::FileWatch>(std::make_unique<Counted>(waits, waits.size() - 1));
  }
  std::vector<int> waits;

 private:
  class Counted final : public cocozvec::FileWatch {
   public:
    Counted(std::vector<int>& waits, std::size_t number) : waits_(waits), number_(number) {}
    bool Wait(std::uint32_t) override {
      ++waits_[number_];
      return true;
    }

   private:
    std::vector<int>& waits_;
    const std::size_t number_;
  };
};

// Guards: after a restored copy was renamed into place the handle waited for the LOCK of the one before.
TEST(FollowRaces, AWatchIsUsedAgainUntilAnotherFileIsTheLock) {
  SimDisk disk;
  WatchedDisk watched(disk);
  Create(disk).reset();
  CopyDirectory(disk, "c", "copy");
  const Handle reader = Reader(watched);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(reader->WaitForChange(1).value());
  }
  ASSERT_EQ(watched.waits.size(), 1u);
  ASSERT_TRUE(disk.Rename("c", "c.bad").ok());
  ASSERT_TRUE(disk.Rename("copy", "c").ok());
  EXPECT_TRUE(reader->WaitForChange(60'000).value());
  EXPECT_TRUE(reader->Refresh().ok());
  const int before = watched.waits[0];
  EXPECT_GT(before, 0);
  EXPECT_FALSE(reader->WaitForChange(1).value());
  EXPECT_EQ(watched.waits[0], before);
  ASSERT_EQ(watched.waits.size(), 2u);
  EXPECT_GT(watched.waits[1], 0);
}

TEST(FollowRaces, ALookThatFindsNothingTakesTwoCalls) {
  SimDisk disk;
  const Handle writer = Create(disk);
  ASSERT_TRUE(Put(*writer, "a").ok());
  const Handle reader = Reader(disk);
  EXPECT_FALSE(reader->Refresh().value());  // the first one looks whether LOCK and log belong together
  const std::uint64_t before = disk.calls();
  EXPECT_FALSE(reader->Refresh().value());
  EXPECT_EQ(disk.calls() - before, 2u);  // the lock, and the publication
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
