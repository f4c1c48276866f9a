// Verify, snapshot, backup and restore of collections on a simulated disk and on real files.
#include "zvec/upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <utility>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/storage/file_header.h"
#include "zvec/upkeep/testing/damage.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

/// A closed collection "c" with a file of every kind; rows of two segments, and of the log.
class UpkeepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.file_system = &disk_;
    options_.seal_bytes = 3000;
    options_.index_min_rows = 1;
    options_.maintenance = Maintenance::kInline;
    auto collection = Collection::Create("c", IndexedSchema(), options_).value();
    std::vector<Doc> docs;
    for (int i = 0; i < 8; ++i) docs.push_back(AllTypesDoc("doc" + std::to_string(i), i));
    ASSERT_TRUE(collection->Upsert(docs).ok());
    ASSERT_TRUE(collection->Delete(std::vector<std::string>{"doc1", "doc6"}).ok());
    ASSERT_TRUE(collection->Upsert(docs = {docs.begin() + 2, docs.begin() + 5}).ok());
    for (int i = 10; collection->Stats().sealed_segments < 2; ++i)
      ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("doc" + std::to_string(i), i)}).ok());
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("in the log", 3)}).ok());
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("in the log too", 4)}).ok());
    ASSERT_TRUE(collection->SetMark("mark").ok());
    ASSERT_TRUE(collection->Close().ok());
    expected_ = DocsOf("c", options_);
    for (const auto& entry : disk_.List("c").value()) names_.push_back(entry.name);
  }

  std::unique_ptr<SimDisk> Copy() const { return disk_.PowerCut(PowerCutKind::kKeepEverything); }
  CollectionOptions On(SimDisk& disk) const {
    CollectionOptions options = options_;
    options.file_system = &disk;
    return options;
  }

  SimDisk disk_;
  CollectionOptions options_;
  Docs expected_;
  std::vector<std::string> names_;
};

TEST_F(UpkeepTest, AWholeCollectionIsCleanAndCounted) {
  const std::uint64_t changes = disk_.changes();
  const VerifyReport report = Verify("c", options_).value();
  EXPECT_EQ(disk_.changes(), changes) << "verify wrote something";
  EXPECT_TRUE(report.clean()) << report.findings.front().file << ": " << report.findings.front().what;
  EXPECT_EQ(report.documents, expected_.size());
  EXPECT_GT(report.blocks, 50u);
  EXPECT_GT(report.records, 2u);
  EXPECT_EQ(report.unfinished_bytes, 0u);
  std::uint64_t bytes = 0;
  for (const std::string& name : names_)
    if (name != "LOCK") bytes += disk_.Stat(JoinPath("c", name)).value().size;
  EXPECT_EQ(report.bytes, bytes) << "every byte but the lock's is read";
}

TEST_F(UpkeepTest, VerifyNamesFileAndPlaceAndGoesOn) {
  std::vector<std::string> damaged;
  for (const std::string& name : names_)
    if (name.starts_with("segment-") || name.starts_with("index-") || name.starts_with("log-")) {
      Flip(disk_, JoinPath("c", name), 70);
      damaged.push_back(JoinPath("c", name));
    }
  ASSERT_GE(damaged.size(), 4u);
  const VerifyReport report = Verify("c", options_).value();
  for (const std::string& path : damaged)
    EXPECT_TRUE(std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& f) {
      return f.file == path && f.offset <= 70 && f.offset + std::max<std::uint64_t>(f.size, 1) > 64;
    })) << path;
}

TEST_F(UpkeepTest, WhatIsNoCollectionIsSaid) {
  EXPECT_EQ(Verify("nothing", options_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(disk_.CreateDirectory("d").ok());
  EXPECT_EQ(Verify("d", options_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(disk_.Open("d/other", OpenMode::kCreateNew).ok());
  EXPECT_EQ(Verify("d", options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Repair("d", "e", options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Backup("d", "e", {options_}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(disk_.Stat("e").status().IsNotFound());
}

// Guards: files that may not be read, or for which no descriptor was left, were called damaged.
TEST_F(UpkeepTest, WhatMayNotBeReadIsNotCalledDamaged) {
  for (const std::string& name : names_) {
    HookedFileSystem hooked(disk_);
    hooked.refuse = [&](const std::string& path) {
      return path == JoinPath("c", name) ? Status::PermissionDenied("open " + path) : Status();
    };
    CollectionOptions options = options_;
    options.file_system = &hooked;
    for (const Status& status : {Verify("c", options).status(), Repair("c", "r", options).status(),
                                 Backup("c", "b", {options}).status()}) {
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << name;
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
  }
  EXPECT_EQ(disk_.List("/").value().size(), 1u);
}

TEST_F(UpkeepTest, ABlockThatTheDiskDoesNotReadIsAFinding) {
  for (const std::string& name : names_) {
    if (!name.starts_with("segment-") && !name.starts_with("log-") && !name.starts_with("index-")) continue;
    HookedFileSystem hooked(disk_);
    hooked.unreadable = [&](const std::string& path, std::uint64_t offset, std::uint64_t size) {
      const bool bad = path == JoinPath("c", name) && offset <= 70 && offset + size > 70;
      return bad ? Status::IoError("read " + path + ": a bad sector") : Status();
    };
    CollectionOptions options = options_;
    options.file_system = &hooked;
    const auto report = Verify("c", options);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_FALSE(report->clean()) << name;
    EXPECT_EQ(report->findings.front().file, JoinPath("c", name));
    const auto disk = Copy();  // of the same bytes, and "r" is not there
    HookedFileSystem again(*disk);
    again.unreadable = hooked.unreadable;
    options.file_system = &again;
    const RepairReport repaired = Repair("c", "r", options).value();
    EXPECT_EQ(repaired.complete(), name.starts_with("index-") || repaired.recovered == expected_.size())
        << name;
    EXPECT_TRUE(Verify("r", On(*disk)).value().clean());
  }
}

// Guards: EIO on LOCK switched off, without a word, the look whether a closed log lost its end.
TEST_F(UpkeepTest, ALockThatTheDiskDoesNotReadIsAFinding) {
  HookedFileSystem hooked(disk_);
  hooked.unreadable = [](const std::string& path, std::uint64_t, std::uint64_t) {
    return path == "c/LOCK" ? Status::IoError("read " + path + ": a bad sector") : Status();
  };
  CollectionOptions options = options_;
  options.file_system = &hooked;
  const VerifyReport found = Verify("c", options).value();
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].file, "c/LOCK");
  EXPECT_EQ(found.findings[0].harm, Harm::kDocuments);
  EXPECT_THAT(found.findings[0].what, HasSubstr("a bad sector"));
  EXPECT_EQ(Backup("c", "b", {options}).status().code(), StatusCode::kIoError);
  const RepairReport report = Repair("c", "r", options).value();
  EXPECT_TRUE(report.log_cut);
  EXPECT_FALSE(report.mark_kept);
  EXPECT_EQ(DocsOf("r", options_), expected_);
}

// Guards: a newer format of a log, a segment, deletions or an index was called damage.
TEST_F(UpkeepTest, ANewerFormatOfAnyFileIsNotOursToJudge) {
  for (const std::string& name : names_) {
    if (name == "LOCK" || name == "MARK") continue;
    const auto disk = Copy();
    const std::string path = JoinPath("c", name);
    const std::string bytes = cocozvec::ReadFile(*disk, path, 1 << 20).value();
    const std::string magic = bytes.substr(0, 8);
    FileHeader header =
        DecodeFileHeader(magic, bytes, std::stoull(name.substr(name.find('-') + 1)), path, 9).value();
    header.version = 9;
    const std::string newer = EncodeFileHeader(magic, header);
    ASSERT_TRUE(disk->Open(path, OpenMode::kReadWrite).value()->WriteAt(0, AsBytes(newer)).ok());
    for (const Status& status : {Verify("c", On(*disk)).status(), Repair("c", "r", On(*disk)).status()}) {
      EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << name << ": " << status.ToString();
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
    EXPECT_TRUE(disk->Stat("r").status().IsNotFound());
  }
}

// A relaxed collection whose files have not got their names yet.
TEST_F(UpkeepTest, ANewbornCollectionIsVerifiedAndBackedUp) {
  CollectionOptions relaxed = options_;
  relaxed.durability = Durability::kRelaxed;
  const auto collection = Collection::Create("young", NoteSchema(), relaxed).value();
  ASSERT_TRUE(collection->Upsert(std::vector{Note("a", "x"), Note("b", "y")}).ok());
  const VerifyReport report = Verify("young", options_).value();
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.documents, 2u);
  EXPECT_EQ(Backup("young", "b", {options_}).value().documents, 2u);
  EXPECT_EQ(MeasureStorage("young", options_).value().documents, 2u);
  const auto cut = disk_.PowerCut(PowerCutKind::kLoseUnsynced);  // of the copy everything is synced
  EXPECT_EQ(DocsOf("b", On(*cut)).size(), 2u);
  EXPECT_TRUE(Verify("b", On(*cut)).value().clean());
}

TEST_F(UpkeepTest, ABackupHoldsEverythingAndIsACollectionOfItsOwn) {
  const CopyReport report = Backup("c", "backups/today", {options_}).value();
  EXPECT_EQ(report.documents, expected_.size());
  EXPECT_EQ(report.linked_bytes, 0u);
  EXPECT_TRUE(Verify("backups/today", options_).value().clean());
  EXPECT_EQ(DocsOf("backups/today", options_), expected_);
  EXPECT_EQ(Collection::ReadMark("backups/today", options_).value(), "mark");
  {
    auto copy = Collection::Open("backups/today", options_).value();
    ASSERT_TRUE(copy->Delete(std::vector<std::string>{"doc2"}).ok());
    ASSERT_TRUE(copy->Optimize().ok());
  }
  EXPECT_EQ(DocsOf("c", options_), expected_);
  EXPECT_TRUE(Verify("c", options_).value().clean());
}

TEST_F(UpkeepTest, RestoreRefusesToOverwrite) {
  ASSERT_TRUE(Backup("c", "b", {options_}).ok());
  EXPECT_EQ(Restore("b", "c", {options_}).status().code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(Collection::Destroy("c", options_).ok());
  ASSERT_TRUE(Restore("b", "c", {options_}).ok());
  EXPECT_EQ(DocsOf("c", options_), expected_);
  EXPECT_EQ(DocsOf("b", options_), expected_);
}

TEST_F(UpkeepTest, ADamagedCollectionIsNotBackedUpAndTheMessageNamesTheFile) {
  for (const std::string& name : names_) {
    if (name == "LOCK" || name.starts_with("index-")) continue;
    const auto disk = Copy();
    Flip(*disk, JoinPath("c", name), disk->Stat(JoinPath("c", name)).value().size / 2);
    const auto backup = Backup("c", "b", {On(*disk)});
    if (backup.ok()) {  // a manifest that is not the newest, or a file that only it names
      EXPECT_EQ(DocsOf("b", On(*disk)), expected_) << name;
      continue;
    }
    EXPECT_EQ(backup.status().code(), StatusCode::kDataLoss) << name;
    EXPECT_THAT(std::string(backup.status().message()), HasSubstr(name));
    EXPECT_TRUE(disk->Stat("b").status().IsNotFound());
    EXPECT_EQ(disk->List("/").value().size(), 1u) << "something is left of the backup of a damaged " << name;
  }
}

TEST_F(UpkeepTest, ABackupIsWholeOrAbsentAfterAPowerCutAnywhere) {
  const auto trial = Copy();
  ASSERT_TRUE(Backup("c", "b", {On(*trial)}).ok());
  const std::uint64_t changes = trial->changes();
  ASSERT_GT(changes, 20u);
  std::size_t whole = 0;
  for (std::uint64_t at = 1; at <= changes; ++at) {
    const auto disk = Copy();
    disk->StopAfter(at);
    const bool done = Backup("c", "b", {On(*disk)}).ok();
    for (const PowerCutKind kind :
         {PowerCutKind::kLoseUnsynced, PowerCutKind::kKeepEverything, PowerCutKind::kRandom}) {
      const auto after = disk->PowerCut(kind, at);
      EXPECT_EQ(DocsOf("c", On(*after)), expected_) << at;
      if (!after->Stat("b").ok()) {
        EXPECT_FALSE(done) << "a backup that was acknowledged is gone, change " << at;
        continue;
      }
      ++whole;
      EXPECT_EQ(DocsOf("b", On(*after)), expected_) << at;
      EXPECT_TRUE(Verify("b", On(*after)).value().clean()) << at;
    }
  }
  EXPECT_GT(whole, 0u);
}

TEST_F(UpkeepTest, ABackupBesideAWriterHasAllThatWasAcknowledgedAndNoHalfOfACall) {
  auto collection = Collection::Open("c", options_).value();
  std::atomic<int> acknowledged{-1};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int n = 1; !stop; ++n) {  // those of 0 hold nulls
      std::vector<Doc> batch;
      for (int i = 0; i < 3; ++i) batch.push_back(AllTypesDoc("stamp" + std::to_string(i), n));
      if (!collection->Upsert(batch).ok()) return;
      acknowledged = n;
      if (n % 40 == 39) (void)collection->Optimize();
    }
  });
  while (acknowledged < 0) std::this_thread::yield();
  for (int i = 0; i < 25; ++i) {
    const int before = acknowledged;
    const std::string path = "b" + std::to_string(i);
    const auto report = Backup("c", path, {options_});
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    Docs docs = DocsOf(path, options_);
    const auto stamp = *docs.at("stamp0").Get<std::int64_t>("INT64");
    for (int d = 0; d < 3; ++d)
      EXPECT_EQ(*docs.at("stamp" + std::to_string(d)).Get<std::int64_t>("INT64"), stamp);
    const Doc least = AllTypesDoc("stamp0", before);
    EXPECT_GE(std::abs(stamp), std::abs(*least.Get<std::int64_t>("INT64")));
    EXPECT_EQ(docs.size(), expected_.size() + 3);
  }
  stop = true;
  writer.join();
}

TEST_F(UpkeepTest, RepairOfAWholeCollectionLosesNothing) {
  const RepairReport report = Repair("c", "new/r", options_).value();
  EXPECT_TRUE(report.complete());
  EXPECT_TRUE(report.mark_kept);
  EXPECT_EQ(report.recovered, expected_.size());
  EXPECT_EQ(DocsOf("new/r", options_), expected_);
  EXPECT_TRUE(Verify("new/r", options_).value().clean());
  EXPECT_EQ(Collection::ReadMark("new/r", options_).value(), "mark");
}

// Guards: links in the place of files would keep the original from being opened for writing (S2).
TEST(Snapshot, SharesWhatNeverChangesAndBothGoOn) {
  TempPlace place(/*in_memory=*/true);
  CollectionOptions options = place.options();
  options.seal_bytes = 3000;
  const std::string path = place.path("c"), copy = place.path("copy"), second = place.path("second");
  auto collection = Collection::Create(path, IndexedSchema(), options).value();
  for (int i = 0; collection->Stats().sealed_segments < 2; ++i)
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("doc" + std::to_string(i), i)}).ok());
  ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("in the log", 1)}).ok());
  const Docs expected = DocsOf(path, options);
  const CopyReport report = Snapshot(path, copy, {options}).value();  // while it is open
  EXPECT_GT(report.linked_bytes, report.bytes / 2);
  std::size_t shared = 0;
  for (const auto& entry : place.fs().List(copy).value()) {
    struct stat info;
    ASSERT_EQ(::stat(JoinPath(copy, entry.name).c_str(), &info), 0);
    const bool sealed = entry.name.starts_with("segment-") || entry.name.starts_with("index-") ||
                        entry.name.starts_with("deletes-");
    EXPECT_EQ(info.st_nlink, sealed ? 2u : 1u) << entry.name;
    EXPECT_EQ(info.st_mode & 0777u, 0600u) << entry.name;
    shared += sealed;
  }
  EXPECT_GT(shared, 2u);
  // The original goes on, is closed, opened for writing, rewritten; the snapshot sees nothing of it.
  ASSERT_TRUE(collection->Delete(std::vector<std::string>{"doc0", "in the log"}).ok());
  ASSERT_TRUE(collection->Close().ok());
  collection = Collection::Open(path, options).value();
  ASSERT_TRUE(collection->Optimize().ok());
  EXPECT_EQ(DocsOf(copy, options), expected);
  EXPECT_TRUE(Verify(copy, options).value().clean());
  EXPECT_EQ(Snapshot(copy, second, {options}).value().documents, expected.size());
  {
    const auto writer = Collection::Open(copy, options).value();
    ASSERT_TRUE(writer->Delete(std::vector<std::string>{"doc1"}).ok());
    ASSERT_TRUE(writer->Optimize().ok());
  }
  EXPECT_EQ(DocsOf(second, options), expected);
  EXPECT_EQ(DocsOf(path, options).size(), expected.size() - 2);
  ASSERT_TRUE(Collection::Destroy(copy, options).ok());
  EXPECT_TRUE(Verify(second, options).value().clean());
  EXPECT_TRUE(Verify(path, options).value().clean());
}

TEST_F(UpkeepTest, ABackupBesideADurableWriterHoldsNoWriteWhoseSyncFails) {
  const auto writer = Collection::Open("c", options_).value();
  int backups = 0;
  disk_.OnChange([&](const cocozvec::DiskChange& change) {  // written, not synced
    if (change.operation != cocozvec::DiskOperation::kWrite || !change.path.starts_with("c/log-")) return;
    disk_.OnChange(nullptr);
    const auto report = Backup("c", "b", {options_});
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    ++backups;
    disk_.FailAt(disk_.calls() + 1, cocozvec::DiskFault::kIoError);
  });
  EXPECT_FALSE(writer->Upsert(std::vector{AllTypesDoc("failed", 1)}).ok());
  EXPECT_EQ(backups, 1);
  EXPECT_EQ(DocsOf("b", options_), expected_);
  EXPECT_TRUE(Verify("b", options_).value().clean());
}

TEST_F(UpkeepTest, FilesThatAReaderKeepsAreNoLeftovers) {
  CollectionOptions reading = options_;
  reading.read_only = true;
  auto reader = Collection::Open("c", reading).value();
  auto writer = Collection::Open("c", options_).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(writer->Upsert(std::vector{AllTypesDoc("more", i)}).ok());
    ASSERT_TRUE(writer->Optimize().ok());
  }
  EXPECT_EQ(Verify("c", options_).value().leftover_files, 0u);
  const StorageStats kept = MeasureStorage("c", options_).value();
  EXPECT_EQ(kept.leftover_bytes, 0u);
  std::uint64_t bytes = 0;
  for (const auto& entry : disk_.List("c").value())
    bytes += disk_.Stat(JoinPath("c", entry.name)).value().size;
  EXPECT_EQ(kept.total_bytes(), bytes);
  reader.reset();  // nobody reads them, and the writer has not come by yet
  EXPECT_GT(Verify("c", options_).value().leftover_files, 0u);
  EXPECT_EQ(MeasureStorage("c", options_).value().total_bytes(), bytes);
}

// Guards: files of one generation were counted with the documents of the next.
TEST_F(UpkeepTest, StatsBesideAWriterAreOfOneGeneration) {
  const StorageStats before = MeasureStorage("c", options_).value();
  for (int at = 1, calls = at; calls >= at; ++at) {
    const auto disk = Copy();
    HookedFileSystem hooked(*disk);
    calls = 0;
    hooked.before = [&](const std::string&, const std::string&) {
      if (++calls != at) return;
      const auto writer = Collection::Open("c", On(*disk)).value();
      ASSERT_TRUE(writer->Upsert(std::vector{AllTypesDoc("one more", 1)}).ok());
      ASSERT_TRUE(writer->Optimize().ok());
    };
    CollectionOptions options = options_;
    options.file_system = &hooked;
    const StorageStats stats = MeasureStorage("c", options).value();
    EXPECT_EQ(stats.documents > before.documents, stats.generation > before.generation) << at;
  }
}

// Guards: where LOCK may only be read, the lock that a writer holds on it was not looked at.
TEST_F(UpkeepTest, RepairOfWhatMayOnlyBeReadRefusesAnOpenCollection) {
  for (const bool open : {true, false}) {
    const auto writer = open ? Collection::Open("c", options_).value() : nullptr;
    HookedFileSystem hooked(disk_);
    bool first = true;
    hooked.refuse = [&](const std::string& path) {  // the first is the one to write
      return path == "c/LOCK" && std::exchange(first, false) ? Status::PermissionDenied("open " + path)
                                                             : Status();
    };
    CollectionOptions options = options_;
    options.file_system = &hooked;
    const Status status = Repair("c", "r", options).status();
    EXPECT_EQ(status.code(), open ? StatusCode::kBusy : StatusCode::kOk) << status.ToString();
    EXPECT_FALSE(first);
  }
}

TEST_F(UpkeepTest, RepairRefusesAnOpenCollectionAndATakenPlace) {
  {
    const auto writer = Collection::Open("c", options_).value();
    EXPECT_EQ(Repair("c", "r", options_).status().code(), StatusCode::kBusy);
  }
  EXPECT_EQ(Repair("c", "c", options_).status().code(), StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
