// Repair: what is saved of damaged collections, and what is said of the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/log_format.h"
#include "zvec/storage/segment_format.h"
#include "zvec/upkeep.h"
#include "zvec/upkeep/log_scan.h"
#include "zvec/upkeep/pieces.h"
#include "zvec/upkeep/testing/damage.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

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

// Planted fault: forget_closed_log.
TEST_F(RepairTest, VerifyNamesWhereALogEndsThatWasCutAfterItWasClosed) {
  const std::string log = Newest(disk_, "log-");
  ASSERT_TRUE(disk_.Open(log, OpenMode::kReadWrite).value()->Truncate(64).ok());
  const VerifyReport found = Verify("c", options_).value();
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].offset, 64u);
  EXPECT_EQ(found.findings[0].file, log);
}

TEST_F(RepairTest, ALogThatWasCutAfterItWasClosedIsSaidAndItsMarkIsNotKept) {
  const std::string log = Newest(disk_, "log-");
  ASSERT_TRUE(disk_.Open(log, OpenMode::kReadWrite).value()->Truncate(64).ok());
  EXPECT_EQ(Collection::Open("c", options_).status().code(), StatusCode::kDataLoss);
  const RepairReport report = Repair("c", "r", options_).value();
  EXPECT_TRUE(report.log_cut);
  EXPECT_FALSE(report.mark_kept);
  EXPECT_EQ(report.recovered, static_cast<std::uint64_t>(kRows));
}

// Guards: "nothing is lost", and the mark kept, where the whole log was gone and no note says where it ended.
TEST_F(RepairTest, ALogWithoutItsHeaderIsCutAlsoWhereNoNoteSaysIt) {
  ASSERT_TRUE(disk_.RemoveFile("c/LOCK").ok());
  for (const std::uint64_t left : {0, 63}) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    ASSERT_TRUE(disk->Open(Newest(*disk, "log-"), OpenMode::kReadWrite).value()->Truncate(left).ok());
    EXPECT_FALSE(Verify("c", On(*disk)).value().only(Harm::kMark)) << left;
    const RepairReport report = Repair("c", "r", On(*disk)).value();
    EXPECT_TRUE(report.log_cut) << left;
    EXPECT_FALSE(report.complete()) << left;
    EXPECT_FALSE(report.mark_kept) << left;
  }
}

// Guards: a record that follows another one than stands before it was a finding, and no loss.
TEST_F(RepairTest, ABrokenChainCountsAsALossAndAGapByItsNumbers) {
  const std::string log = Newest(disk_, "log-");
  const std::string bytes = cocozvec::ReadFile(disk_, log, 1 << 20).value();
  const FileHeader header =
      DecodeFileHeader(kLogMagic, bytes, std::stoull(log.substr(log.rfind('-') + 1)), log).value();
  for (const std::uint64_t gap : {0, 2}) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    const auto file = disk->Open(log, OpenMode::kReadWrite).value();
    std::uint64_t previous = 0;
    int records = 0;
    for (std::uint64_t at = kFileHeaderBytes; at < bytes.size(); ++records) {
      RecordHeader record;
      std::memcpy(&record, bytes.data() + at, sizeof(record));
      if (records > 0) {  // all behind the first, so that the second alone stands where it does not belong
        record.sequence += gap;
        record.previous = records == 1 ? record.previous ^ 1 : previous;
        record.header_checksum = HeaderChecksum(record, header.number, at, header.collection);
        ASSERT_TRUE(file->WriteAt(at, std::as_bytes(std::span(&record, 1))).ok());
      }
      previous = record.header_checksum;
      at += kRecordHeaderBytes + record.payload_size;
    }
    ASSERT_GE(records, 3);
    EXPECT_EQ(Verify("c", On(*disk)).value().findings.size(), 1u) << gap;
    const RepairReport report = Repair("c", "r", On(*disk)).value();
    EXPECT_EQ(report.lost_calls, std::max<std::uint64_t>(gap, 1));
    EXPECT_FALSE(report.mark_kept) << gap;
    EXPECT_EQ(DocsOf("r", On(*disk)), expected_) << gap;
  }
}

// Guards: one bad sector cost up to a MiB of whole records.
TEST_F(RepairTest, ABadSectorOfTheLogCostsTheRecordsInItsPieceOnly) {
  constexpr std::uint64_t kBad = 9000, kRecords = 300;
  std::vector<std::uint64_t> ends;  // of the records
  {
    const auto collection = Collection::Open("c", options_).value();
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(collection->Upsert(std::vector{Note("later" + std::to_string(i), "text")}).ok());
      ends.push_back(disk_.Stat(Newest(disk_, "log-")).value().size);
    }
    ASSERT_TRUE(collection->Close().ok());
  }
  const std::string log = Newest(disk_, "log-");
  ASSERT_GT(ends.back(), 5u * 4096);
  HookedFileSystem hooked(disk_);
  hooked.unreadable = [&](const std::string& path, std::uint64_t offset, std::uint64_t size) {
    const bool bad = path == log && offset <= kBad && offset + size > kBad;
    return bad ? Status::IoError("read " + path + ": a bad sector") : Status();
  };
  CollectionOptions options = options_;
  options.file_system = &hooked;
  const RepairReport report = Repair("c", "r", options).value();
  const Docs saved = DocsOf("r", options_);
  std::uint64_t lost = 0;
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    const std::uint64_t begin = i == 0 ? 0 : ends[i - 1];
    const bool there = saved.contains("later" + std::to_string(i));
    lost += !there;
    EXPECT_TRUE(there || (begin < 12288 && ends[i] > 8192)) << i;
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(report.lost_calls, lost);
}

TEST(ReadAround, GivesEverythingButThePiecesThatCannotBeRead) {
  SimDisk disk;
  const std::string bytes(20000, 'x');
  ASSERT_TRUE(disk.Open("f", OpenMode::kCreateNew).value()->WriteAt(0, AsBytes(bytes)).ok());
  HookedFileSystem hooked(disk);
  hooked.unreadable = [](const std::string& path, std::uint64_t offset, std::uint64_t size) {
    return offset <= 9000 && offset + size > 9000 ? Status::IoError("read " + path) : Status();
  };
  const auto file = hooked.Open("f", OpenMode::kRead).value();
  std::string read(19990, 'y');
  ReadAround(*file, 100, std::as_writable_bytes(std::span(read)));
  std::string right(19900, 'x');
  right.replace(8192 - 100, 4096, 4096, '\0');
  right.resize(read.size());  // behind the end of the file there are zeros, too
  EXPECT_EQ(read, right);
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

// Guards: a newer log that could not be opened counted as none: verify found nothing, the earlier state was
// backed up, and repaired as if it were all.
TEST_F(RepairTest, ANewerLogThatCannotBeOpenedIsReported) {
  {
    CollectionOptions sealing = options_;
    sealing.seal_bytes = 1;
    for (const char* id : {"seals", "seals again"}) {
      const auto collection = Collection::Open("c", sealing).value();
      ASSERT_TRUE(collection->Upsert(std::vector{Note(id, "s")}).ok());
      ASSERT_TRUE(collection->Close().ok());
    }
  }
  const std::string log = Newest(disk_, "log-");
  ASSERT_TRUE(disk_.RemoveFile(Newest(disk_, "MANIFEST-")).ok());
  for (const bool noted : {true, false}) {
    if (!noted) {
      ASSERT_TRUE(disk_.RemoveFile("c/LOCK").ok());
    }
    HookedFileSystem hooked(disk_);
    hooked.refuse = [&](const std::string& path) {
      return path == log ? Status::IoError("open " + path + ": a bad sector") : Status();
    };
    CollectionOptions options = options_;
    options.file_system = &hooked;
    const VerifyReport found = Verify("c", options).value();
    EXPECT_FALSE(found.only(Harm::kMark)) << noted;
    EXPECT_TRUE(std::any_of(found.findings.begin(), found.findings.end(), [&](const Finding& finding) {
      return finding.file == log && finding.what.find("a bad sector") != std::string::npos;
    })) << noted;
    EXPECT_EQ(Backup("c", "b", {options}).status().code(), StatusCode::kDataLoss) << noted;
    const RepairReport report = Repair("c", noted ? "r" : "s", options).value();
    EXPECT_TRUE(report.log_cut) << noted;
    EXPECT_FALSE(report.complete()) << noted;
    EXPECT_FALSE(report.mark_kept) << noted;
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

}  // namespace
}  // namespace zvec::inline v0::testing_docs
