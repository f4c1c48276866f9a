// Verify, repair, snapshot, backup and restore of collections on a simulated disk and on real files.
#include "zvec/upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/indexed_schema.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/log.h"
#include "zvec/storage/segment_format.h"
#include "zvec/upkeep/log_scan.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

using Docs = std::map<std::string, Doc>;

Docs DocsOf(const std::string& path, CollectionOptions options) {
  options.read_only = true;
  const auto collection = Collection::Open(path, options).value();
  Docs docs;
  for (Doc& doc : AllDocs(*collection)) docs[doc.id] = doc;
  return docs;
}

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
  static void Flip(SimDisk& disk, const std::string& path, std::uint64_t at) {
    auto file = disk.Open(path, OpenMode::kReadWrite).value();
    std::byte byte{};
    ASSERT_EQ(file->ReadAt(at, {&byte, 1}).value(), 1u);
    byte ^= std::byte{0x10};
    ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
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
    if (name == "LOCK") continue;  // nothing in it is needed
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
  const std::uint64_t before = disk_.changes();
  const auto trial = Copy();
  ASSERT_TRUE(Backup("c", "b", {On(*trial)}).ok());
  const std::uint64_t changes = trial->changes();
  ASSERT_GT(changes, 20u);
  (void)before;
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

/// Notes in sealed segments of several chunks: ids "n0" to "n<count - 1>", n1 deleted.
class RepairTest : public ::testing::Test {
 protected:
  static constexpr int kRows = 2500;  // three chunks

  void SetUp() override {
    options_.file_system = &disk_;
    options_.maintenance = Maintenance::kManual;
    auto collection = Collection::Create("c", NoteSchema(), options_).value();
    std::vector<Doc> docs;
    for (int i = 0; i < kRows; ++i)
      docs.push_back(Note("n" + std::to_string(i), std::string(i % 7, 'x'), i % 5));
    ASSERT_TRUE(collection->Upsert(docs).ok());
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Delete(std::vector<std::string>{"n1"}).ok());
    ASSERT_TRUE(collection->Upsert(std::vector{Note("n2", "newer")}).ok());
    ASSERT_TRUE(collection->SetMark("mark").ok());
    ASSERT_TRUE(collection->Close().ok());
    expected_ = DocsOf("c", options_);
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("segment-")) segment_ = JoinPath("c", entry.name);
    size_ = disk_.Stat(segment_).value().size;
  }

  std::uint64_t TableAt() {
    const std::string bytes = cocozvec::ReadFile(disk_, segment_, 1 << 20).value();
    std::uint64_t at = 0;
    std::memcpy(&at, bytes.data() + 40, sizeof(at));
    return at;
  }
  /// Sections as the file has them.
  std::vector<Section> Sections() {
    const std::string bytes = cocozvec::ReadFile(disk_, segment_, 1 << 20).value();
    const std::uint64_t at = TableAt();
    return DecodeSections(std::string_view(bytes).substr(at), NoteSchema(), kRows, at, segment_).value();
  }
  const Section Find(SectionKind kind, std::uint32_t field = 0) {
    for (const Section& section : Sections())
      if (section.kind == kind && section.field == field) return section;
    return {};
  }
  void Flip(SimDisk& disk, const std::string& path, std::uint64_t at) {
    auto file = disk.Open(path, OpenMode::kReadWrite).value();
    std::byte byte{};
    ASSERT_EQ(file->ReadAt(at, {&byte, 1}).value(), 1u);
    byte ^= std::byte{0x10};
    ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
  }
  CollectionOptions On(SimDisk& disk) const {
    CollectionOptions options = options_;
    options.file_system = &disk;
    return options;
  }

  SimDisk disk_;
  CollectionOptions options_;
  Docs expected_;
  std::string segment_;
  std::uint64_t size_ = 0;
};

TEST_F(RepairTest, ADamagedBlockCostsItsRowsAndEachIsNamed) {
  const Section vectors = Find(SectionKind::kFixed, 2);
  Flip(disk_, segment_, vectors.offset + vectors.BlockBegin(1) + 100);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_FALSE(report.complete());
  EXPECT_FALSE(report.mark_kept);
  EXPECT_EQ(report.lost.size(), 1024u);
  EXPECT_EQ(report.lost_unnamed_rows, 0u);
  const Docs saved = DocsOf("r", options_);
  EXPECT_EQ(saved.size(), expected_.size() - 1024);
  for (int i = 0; i < kRows; ++i) {
    const std::string id = "n" + std::to_string(i);
    EXPECT_EQ(saved.contains(id), expected_.contains(id) && (i < 1024 || i >= 2048)) << id;
  }
  EXPECT_EQ(saved.at("n2"), expected_.at("n2"));
  EXPECT_THAT(report.lost.front().where, HasSubstr("field v, rows 1024 to 2047"));
  EXPECT_EQ(Collection::ReadMark("r", options_).status().code(), StatusCode::kNotFound);
}

// A row that is deleted, or written again later, is no loss.
TEST_F(RepairTest, ALostRowThatWasReplacedOrDeletedIsNotCalledLost) {
  const Section text = Find(SectionKind::kVariable, 0);
  Flip(disk_, segment_, text.offset + text.BlockBegin(0) + 4200);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_EQ(report.lost.size(), 1024u - 2);
  const Docs saved = DocsOf("r", options_);
  EXPECT_TRUE(saved.contains("n2"));
  EXPECT_FALSE(saved.contains("n1"));
}

TEST_F(RepairTest, RowsWithoutIdsAreCounted) {
  const Section ids = Find(SectionKind::kIds);
  Flip(disk_, segment_, ids.offset + ids.BlockBegin(2) + 1500);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_EQ(report.lost_unnamed_rows, kRows - 2048u);
  EXPECT_TRUE(report.lost.empty());
  EXPECT_EQ(report.recovered, 2047u);
}

// Guards: one byte of a table that says where the columns lie made the whole segment unreadable for repair.
TEST_F(RepairTest, NoByteOfAHeaderOrOfATableCostsMoreThanTheBlockWhoseChecksumItIs) {
  std::vector<std::uint64_t> places;
  for (std::uint64_t at = 0; at < 64; at += 3) places.push_back(at);
  for (std::uint64_t at = TableAt(); at < size_; ++at) places.push_back(at);
  std::size_t whole = 0;
  for (const std::uint64_t at : places) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    Flip(*disk, segment_, at);
    const VerifyReport found = Verify("c", On(*disk)).value();
    ASSERT_FALSE(found.clean()) << at;
    EXPECT_EQ(found.findings.front().file, segment_);
    ASSERT_LE(found.findings.size(), 2u) << at << ": " << found.findings.back().what;
    whole += found.findings.size() == 1;
  }
  EXPECT_GT(whole, places.size() / 3);
  for (const std::uint64_t at : {places[8], places[25], TableAt() + 4 + 5}) {  // header, count, an offset
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    Flip(*disk, segment_, at);
    const RepairReport report = Repair("c", "r", On(*disk)).value();
    EXPECT_TRUE(report.complete()) << at;
    EXPECT_EQ(DocsOf("r", On(*disk)), expected_) << at;
  }
}

TEST_F(RepairTest, CallsBehindADamagedRecordAreSavedAndItsOwnAreCounted) {
  std::string log;
  for (const auto& entry : disk_.List("c").value())
    if (entry.name.starts_with("log-")) log = JoinPath("c", entry.name);
  Flip(disk_, log, 64 + kRecordHeaderBytes + 2);  // the deletion of n1; the record of n2 follows
  EXPECT_EQ(Collection::Open("c", options_).status().code(), StatusCode::kDataLoss);
  const VerifyReport found = Verify("c", options_).value();
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].offset, 64u);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_EQ(report.lost_calls, 1u);
  EXPECT_FALSE(report.log_cut);
  const Docs saved = DocsOf("r", options_);
  EXPECT_EQ(saved.at("n2"), expected_.at("n2"));
  EXPECT_TRUE(saved.contains("n1")) << "what the lost call deleted is back";
  EXPECT_EQ(saved.size(), expected_.size() + 1);
}

TEST_F(RepairTest, ALogThatWasCutAfterItWasClosedIsAccepted) {
  std::string log;
  for (const auto& entry : disk_.List("c").value())
    if (entry.name.starts_with("log-")) log = JoinPath("c", entry.name);
  ASSERT_TRUE(disk_.Open(log, OpenMode::kReadWrite).value()->Truncate(64).ok());
  EXPECT_EQ(Collection::Open("c", options_).status().code(), StatusCode::kDataLoss);
  const VerifyReport found = Verify("c", options_).value();
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].offset, 64u);
  EXPECT_EQ(found.findings[0].file, log);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_TRUE(report.log_cut);
  EXPECT_FALSE(report.mark_kept);
  EXPECT_EQ(report.recovered, static_cast<std::uint64_t>(kRows));
}

/// The file of the kind with the highest number.
std::string Newest(cocozvec::FileSystem& fs, const std::string& kind) {
  std::uint64_t newest = 0;
  for (const auto& entry : fs.List("c").value())
    if (entry.name.starts_with(kind) && !entry.name.ends_with(".tmp"))
      newest = std::max<std::uint64_t>(newest, std::stoull(entry.name.substr(kind.size())));
  return JoinPath("c", kind + std::to_string(newest));
}

// The generation before and its log are the same documents.
TEST_F(RepairTest, WhereTheGenerationBeforeIsWholeNothingIsLost) {
  const std::string first = segment_;
  {
    auto collection = Collection::Open("c", options_).value();
    // A second segment, so that the first stays what it is; the older generation keeps log and rows.
    std::vector<Doc> docs;
    for (int i = 0; i < 300; ++i) docs.push_back(Note("m" + std::to_string(i), "m"));
    ASSERT_TRUE(collection->Upsert(docs).ok());
    ASSERT_TRUE(collection->Close().ok());
    CollectionOptions sealing = options_;
    sealing.seal_bytes = 1;
    collection = Collection::Open("c", sealing).value();
    ASSERT_TRUE(collection->Upsert(std::vector{Note("last", "seals")}).ok());
    ASSERT_GE(collection->Stats().sealed_segments, 2u);
    ASSERT_TRUE(collection->Close().ok());
  }
  expected_ = DocsOf("c", options_);
  const std::string last = Newest(disk_, "segment-");
  ASSERT_NE(last, first);
  Flip(disk_, last, 70);  // the ids
  EXPECT_FALSE(Verify("c", options_).value().only(Harm::kMark));
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_TRUE(report.complete());
  EXPECT_THAT(report.source, HasSubstr("the logs since"));
  EXPECT_EQ(DocsOf("r", options_), expected_);
}

// Guards: a newest manifest that was missing, or no plain file, had its log dropped without a word: "nothing
// is lost", the mark kept; and a backup copied the earlier state.
TEST_F(RepairTest, ALostNewestManifestNeverLosesItsLogInSilence) {
  {
    CollectionOptions sealing = options_;
    sealing.seal_bytes = 1;
    auto collection = Collection::Open("c", sealing).value();
    ASSERT_TRUE(collection->Upsert(std::vector{Note("seals", "s")}).ok());
    ASSERT_TRUE(collection->Close().ok());
    collection = Collection::Open("c", options_).value();
    ASSERT_TRUE(collection->Upsert(std::vector{Note("only in the newest log", "x")}).ok());
    ASSERT_TRUE(collection->SetMark("newest").ok());
    ASSERT_TRUE(collection->Close().ok());
  }
  expected_ = DocsOf("c", options_);
  const std::string manifest = Newest(disk_, "MANIFEST-"), log = Newest(disk_, "log-");
  enum Loss { kGone, kOdd, kGoneWithLog, kDamagedWithoutLog };
  for (const Loss loss : {kGone, kOdd, kGoneWithLog, kDamagedWithoutLog}) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    const bool without_log = loss == kGoneWithLog || loss == kDamagedWithoutLog;
    if (loss == kDamagedWithoutLog) {
      ASSERT_TRUE(disk->Open(manifest, OpenMode::kReadWrite).value()->Truncate(70).ok());
    } else {
      ASSERT_TRUE(disk->RemoveFile(manifest).ok());
    }
    if (loss == kOdd) {
      ASSERT_TRUE(disk->CreateDirectory(manifest).ok());
    }
    if (without_log) {
      ASSERT_TRUE(disk->RemoveFile(log).ok());
    }
    EXPECT_FALSE(Verify("c", On(*disk)).value().only(Harm::kMark)) << loss;
    EXPECT_EQ(Backup("c", "b", {On(*disk)}).status().code(), StatusCode::kDataLoss) << loss;
    const RepairReport report = Repair("c", "r", On(*disk)).value();
    EXPECT_EQ(report.complete(), !without_log) << loss;
    EXPECT_EQ(report.log_cut, without_log) << loss;
    EXPECT_EQ(report.mark_kept, !without_log) << loss;
    Docs saved = DocsOf("r", On(*disk));
    EXPECT_EQ(saved.contains("only in the newest log"), !without_log) << loss;
    if (!without_log) {
      EXPECT_EQ(saved, expected_) << loss;
    }
  }
}

// Guards: the log of a twin (a backup that went on by itself) was applied to the other one.
TEST_F(RepairTest, ALogOfATwinIsNotApplied) {
  ASSERT_TRUE(Backup("c", "twin", {options_}).ok());
  for (const std::string path : {"c", "twin"}) {
    auto collection = Collection::Open(path, options_).value();
    for (int i = 0; i < (path == "twin" ? 2 : 1); ++i)
      ASSERT_TRUE(collection->Upsert(std::vector{Note(path, path)}).ok());
    ASSERT_TRUE(collection->Optimize().ok());  // each has a log of its own now, of one number
    ASSERT_TRUE(collection->Upsert(std::vector{Note("later in " + path, path)}).ok());
    ASSERT_TRUE(collection->Close().ok());
  }
  const std::string log = Newest(disk_, "log-");
  const std::string bytes =
      cocozvec::ReadFile(disk_, JoinPath("twin", cocozvec::BaseName(log)), 1 << 20).value();
  auto file = disk_.Open(log, OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->Truncate(0).ok());
  ASSERT_TRUE(file->WriteAt(0, AsBytes(bytes)).ok());
  EXPECT_FALSE(Verify("c", options_).value().only(Harm::kMark));
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_TRUE(report.log_cut);
  EXPECT_FALSE(report.mark_kept);
  EXPECT_FALSE(DocsOf("r", options_).contains("later in twin"));
}

// Guards: the second run, which only finishes, said that nothing was lost.
TEST_F(RepairTest, AFinishedRepairInPlaceDoesNotCallItselfComplete) {
  const Section text = Find(SectionKind::kVariable, 0);
  Flip(disk_, segment_, text.offset + text.BlockBegin(1) + 4200);
  ASSERT_TRUE(Repair("c", "c.repaired", options_).ok());
  ASSERT_TRUE(disk_.RenameNoReplace("c", "c.before-repair").ok());  // and here it died
  const RepairReport report = RepairInPlace("c/", options_).value();
  EXPECT_FALSE(report.complete());
  EXPECT_TRUE(report.losses_unknown);
  EXPECT_EQ(DocsOf("c", options_).size(), report.recovered);
  EXPECT_EQ(RepairInPlace("/", options_).status().code(), StatusCode::kInvalidArgument);
}

/// Grows at the second look at its size.
class GrowingFile final : public cocozvec::File {
 public:
  GrowingFile(std::unique_ptr<cocozvec::File> file, std::uint64_t first)
      : file_(std::move(file)), first_(first) {}
  const std::string& path() const noexcept override { return file_->path(); }
  Result<std::uint64_t> Size() const override {
    return looked_++ == 0 ? Result<std::uint64_t>(first_) : file_->Size();
  }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t, std::span<const std::byte>) override { return Status::Internal("read only"); }
  Status Truncate(std::uint64_t) override { return Status::Internal("read only"); }
  Status Sync() override { return {}; }
  Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
    return file_->Map(size);
  }
  Status TryLock(bool) override { return {}; }
  Status Unlock() override { return {}; }
  Result<cocozvec::HeldLock> OtherLock() const override { return cocozvec::HeldLock::kNone; }

 private:
  std::unique_ptr<cocozvec::File> file_;
  const std::uint64_t first_;
  mutable int looked_ = 0;
};

// Guards: a log that grew between two looks at its size was scanned for ever.
TEST_F(RepairTest, ALogThatGrowsWhileItIsScannedIsReadToItsNewEnd) {
  const std::string log = Newest(disk_, "log-");
  const std::uint64_t number = std::stoull(log.substr(log.rfind('-') + 1));
  auto file = disk_.Open(log, OpenMode::kRead).value();
  std::uint64_t collection = 0;
  ASSERT_EQ(file->ReadAt(16, std::as_writable_bytes(std::span(&collection, 1))).value(), 8u);
  const std::uint64_t size = file->Size().value();
  const GrowingFile growing(std::move(file), kFileHeaderBytes);
  const LogScan scan = ScanLog(growing, {number, collection, std::nullopt, 0}, nullptr, [](std::string_view) {
                         return Status();
                       }).value();
  EXPECT_TRUE(scan.whole);
  EXPECT_EQ(scan.end, size);
  EXPECT_EQ(scan.unfinished_bytes, 0u);
}

// Guards: a damaged close record, which holds no write, cost the mark.
TEST_F(RepairTest, ADamagedCloseRecordCostsNothing) {
  const std::string log = Newest(disk_, "log-");
  Flip(disk_, log, disk_.Stat(log).value().size - 20);
  EXPECT_FALSE(Verify("c", options_).value().clean());
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_TRUE(report.complete());
  EXPECT_TRUE(report.mark_kept);
  EXPECT_EQ(DocsOf("r", options_), expected_);
}

TEST_F(RepairTest, WithoutAnyManifestThereIsNoSchema) {
  for (const auto& entry : disk_.List("c").value()) {
    if (!entry.name.starts_with("MANIFEST-")) continue;
    ASSERT_TRUE(disk_.Open(JoinPath("c", entry.name), OpenMode::kReadWrite).value()->Truncate(80).ok());
  }
  const VerifyReport found = Verify("c", options_).value();
  EXPECT_GE(found.findings.size(), 2u);
  const auto repaired = Repair("c", "r", options_);
  EXPECT_EQ(repaired.status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(disk_.Stat("r").status().IsNotFound());
}

TEST_F(RepairTest, InPlaceKeepsTheOriginalAndAPowerCutAnywhereLosesNeither) {
  const Section text = Find(SectionKind::kVariable, 0);
  Flip(disk_, segment_, text.offset + text.BlockBegin(1) + 4200);
  const auto trial = disk_.PowerCut(PowerCutKind::kKeepEverything);
  const std::uint64_t started = trial->changes();
  const RepairReport report = RepairInPlace("c", On(*trial)).value();
  const Docs saved = DocsOf("c", On(*trial));
  EXPECT_EQ(saved.size(), report.recovered);
  EXPECT_EQ(Verify("c.before-repair", On(*trial)).value().findings.size(), 1u);
  EXPECT_EQ(RepairInPlace("c", On(*trial)).status().code(), StatusCode::kAlreadyExists);
  const std::uint64_t changes = trial->changes();
  for (std::uint64_t at = started; at <= changes; ++at) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    disk->StopAfter(at);
    (void)RepairInPlace("c", On(*disk));
    for (const PowerCutKind kind :
         {PowerCutKind::kLoseUnsynced, PowerCutKind::kKeepEverything, PowerCutKind::kRandom}) {
      const auto after = disk->PowerCut(kind, at);
      const bool original = after->Stat(segment_).ok(), kept = after->Stat("c.before-repair").ok();
      ASSERT_TRUE(original || kept) << at;
      if (original && !kept) {  // not begun, or only made beside it
        if (after->Stat("c.repaired").ok()) {
          EXPECT_EQ(DocsOf("c.repaired", On(*after)), saved) << at;
        }
        continue;
      }
      if (!after->Stat("c").ok()) {
        EXPECT_EQ(RepairInPlace("c", On(*after)).value().recovered, saved.size()) << at;
      }
      EXPECT_EQ(DocsOf("c", On(*after)), saved) << at;
      EXPECT_TRUE(Verify("c", On(*after)).value().clean()) << at;
    }
  }
}

TEST_F(RepairTest, StatsAddUpToEveryFile) {
  const StorageStats stats = MeasureStorage("c", options_).value();
  std::uint64_t bytes = 0;
  for (const auto& entry : disk_.List("c").value())
    bytes += disk_.Stat(JoinPath("c", entry.name)).value().size;
  EXPECT_EQ(stats.total_bytes(), bytes);
  EXPECT_EQ(stats.documents, expected_.size());
  EXPECT_EQ(stats.deleted_rows, 2u);
  ASSERT_EQ(stats.segments.size(), 1u);
  EXPECT_EQ(stats.segments[0].rows, static_cast<std::uint64_t>(kRows));
  EXPECT_EQ(stats.segments[0].bytes, size_);
  EXPECT_GT(stats.index_bytes, 0u);
  EXPECT_GE(stats.amplification(), 1);
  EXPECT_LT(stats.amplification(), 1.5);
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

TEST_F(UpkeepTest, RepairRefusesAnOpenCollectionAndATakenPlace) {
  {
    const auto writer = Collection::Open("c", options_).value();
    EXPECT_EQ(Repair("c", "r", options_).status().code(), StatusCode::kBusy);
  }
  EXPECT_EQ(Repair("c", "c", options_).status().code(), StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
