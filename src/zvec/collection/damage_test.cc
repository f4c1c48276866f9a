// Damage: one flipped byte anywhere in any file is reported or does no harm; so is a file that is missing or
// cut short.
#include <gtest/gtest.h>

#include "base/sanitizer.h"
#include "zvec/collection/testing/indexed_schema.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::kSanitized;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;

using Docs = std::map<std::string, Doc>;

/// A closed collection with a file of every kind.
class Damage : public ::testing::Test {
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
    // Less than a fifth, or the segment would be written anew, without a deletions file.
    ASSERT_TRUE(collection->Delete(std::vector<std::string>{"doc6"}).ok());
    ASSERT_TRUE(collection->Upsert(docs = {docs.begin() + 6, docs.begin() + 7}).ok());
    for (int i = 10; collection->Stats().sealed_segments < 2; ++i)
      ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("doc" + std::to_string(i), i)}).ok());
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("in the log", 3)}).ok());
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("in the log too", 4)}).ok());
    ASSERT_TRUE(collection->SetMark("mark").ok());
    for (Doc& doc : AllDocs(*collection)) {
      expected_[doc.id] = doc;
      with_vectors_ += doc.Get<std::vector<float>>("VECTOR_FP32") != nullptr;
    }
    ASSERT_EQ(Unindexed(*collection), "");
    ASSERT_TRUE(collection->Close().ok());
    std::map<std::string, std::string> files;
    for (const auto& entry : disk_.List("c").value()) {
      names_.push_back(entry.name);
      files[entry.name] = cocozvec::ReadFile(disk_, JoinPath("c", entry.name), 1 << 20).value();
    }
    ASSERT_EQ(MissingKind(files), "");
    read_only_ = options_;
    read_only_.read_only = true;
  }

  /// "" when what can be read is right, or the damage is reported as such.
  std::string Look(SimDisk& disk, CollectionOptions options) {
    options.file_system = &disk;
    auto opened = Collection::Open("c", options);
    if (!opened.ok()) return Judge(opened.status());
    Docs docs;
    auto iterator = (*opened)->Iterate().value();
    for (Doc doc;;) {
      const auto more = iterator->Next(&doc);
      if (!more.ok()) return Judge(more.status());
      if (!*more) break;
      docs[doc.id] = doc;
    }
    if (docs != expected_) return "the damage changed what is read";
    for (const FieldSchema& field : (*opened)->schema().fields) {
      if (!IsVector(field.type)) continue;
      const auto found = (*opened)->Query(QueryOn(field, kAllHits));
      if (!found.ok()) return Judge(found.status());
      if (found->hits.size() != with_vectors_) return "the damage changed what is found";
      const auto nearest = (*opened)->Query(QueryOn(field, kFewHits));
      if (!nearest.ok()) return Judge(nearest.status());
      if (nearest->hits.size() != kFewHits) return "the damage changed how many are found";
      for (std::size_t i = 0; i < kFewHits; ++i)
        if (nearest->hits[i].score != found->hits[i].score) return "the damage changed what is nearest";
    }
    for (const auto& [id, doc] : expected_) {
      const auto fetched = (*opened)->Fetch(std::vector{id});
      if (!fetched.ok()) return Judge(fetched.status());
      if (fetched->size() != 1 || (*fetched)[0] != doc) return "the damage changed what is fetched";
    }
    return "";
  }

  std::string Judge(const Status& status) {
    ++reported_;
    if (status.code() != StatusCode::kDataLoss) return "not called data loss: " + status.ToString();
    return status.message().find("c/") != std::string::npos ? ""
                                                            : "the file is not named: " + status.ToString();
  }

  static unsigned char Byte(SimDisk& disk, const std::string& path, std::uint64_t at) {
    std::byte byte{};
    EXPECT_EQ(disk.Open(path, OpenMode::kRead).value()->ReadAt(at, {&byte, 1}).value(), 1u);
    return static_cast<unsigned char>(byte);
  }
  static void SetByte(SimDisk& disk, const std::string& path, std::uint64_t at, unsigned char value) {
    const std::byte byte{value};
    ASSERT_TRUE(disk.Open(path, OpenMode::kReadWrite).value()->WriteAt(at, {&byte, 1}).ok());
  }

  SimDisk disk_;
  CollectionOptions options_, read_only_;
  Docs expected_;
  std::size_t with_vectors_ = 0;
  std::vector<std::string> names_;
  std::size_t reported_ = 0;
};

TEST_F(Damage, EveryByteOfEveryFileIsGuarded) {
  constexpr std::uint64_t kStep = kSanitized ? 11 : 1;
  std::size_t bytes = 0;  // of files that nothing else can stand in for, as a scan can for a graph
  for (const std::string& name : names_) {
    const std::string path = JoinPath("c", name);
    const std::uint64_t size = disk_.Stat(path).value().size;
    for (std::uint64_t at = 0; at < size; at += kStep) {
      bytes += !name.starts_with("index-");
      const unsigned char old = Byte(disk_, path, at);
      const unsigned char damaged[] = {static_cast<unsigned char>(old ^ (1u << (at % 8))), 0, 0xFF};
      SetByte(disk_, path, at, damaged[(at / 8) % 3] == old ? damaged[0] : damaged[(at / 8) % 3]);
      ASSERT_EQ(Look(disk_, read_only_), "") << path << " at byte " << at;
      if (name == "MARK") {
        EXPECT_EQ(Collection::ReadMark("c", options_).status().code(), StatusCode::kDataLoss) << at;
      }
      SetByte(disk_, path, at, old);
    }
  }
  EXPECT_GT(bytes, 5'000u / kStep);
  EXPECT_GT(reported_, bytes / 2);
  EXPECT_EQ(Look(disk_, options_), "");
}

TEST_F(Damage, AWriterReportsItTooAndGoesOnWhereItCan) {
  for (const std::string& name : names_) {
    const std::string path = JoinPath("c", name);
    const std::uint64_t size = disk_.Stat(path).value().size;
    for (std::uint64_t at = 0; at < size; at += 97) {
      const auto copy = disk_.PowerCut(PowerCutKind::kKeepEverything);
      SetByte(*copy, path, at, static_cast<unsigned char>(~Byte(*copy, path, at)));
      ASSERT_EQ(Look(*copy, options_), "") << path << " at byte " << at;
      CollectionOptions options = options_;
      options.file_system = copy.get();
      options.enable_mmap = false;
      if (auto opened = Collection::Open("c", options); opened.ok()) {
        const Status optimized = (*opened)->Optimize();
        ASSERT_TRUE(optimized.ok() || optimized.code() == StatusCode::kDataLoss) << optimized.ToString();
      }
    }
  }
}

TEST_F(Damage, AFileThatIsMissingOrCutShortIsNamed) {
  std::vector<std::string> counted;
  CollectionOptions writer = options_;
  const auto whole = disk_.PowerCut(PowerCutKind::kKeepEverything);
  for (const std::string& name : names_) {
    if (name == "LOCK" || name == "MARK") continue;
    const std::string path = JoinPath("c", name);
    for (const CollectionOptions& options : {read_only_, writer}) {
      const auto gone = disk_.PowerCut(PowerCutKind::kKeepEverything);
      ASSERT_TRUE(gone->RemoveFile(path).ok());
      EXPECT_EQ(Look(*gone, options), "") << path;
    }
    const std::uint64_t size = disk_.Stat(path).value().size;
    for (std::uint64_t length = 0; length < size; length += 1 + size / 50) {
      const auto cut = disk_.PowerCut(PowerCutKind::kKeepEverything);
      ASSERT_TRUE(cut->Open(path, OpenMode::kReadWrite).value()->Truncate(length).ok());
      EXPECT_EQ(Look(*cut, read_only_), "") << path << " cut to " << length;
    }
  }
  EXPECT_GT(reported_, 50u);
}

// Guards: a log that somebody had cut at a record's end, or replaced by an older copy, showed an earlier
// state without a word.
TEST_F(Damage, WhatWasClosedInOrderIsNotShownAsAnEarlierState) {
  const auto before = disk_.PowerCut(PowerCutKind::kKeepEverything);
  std::string log;
  for (const std::string& name : names_)
    if (name.starts_with("log-") && (log.size() < name.size() || log < name)) log = name;
  {
    auto collection = Collection::Open("c", options_).value();
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("new", 9)}).ok());
    ASSERT_TRUE(collection->Close().ok());
  }
  const std::string path = JoinPath("c", log);
  const std::string old_bytes = cocozvec::ReadFile(*before, path, 1 << 20).value();
  const std::string bytes = cocozvec::ReadFile(disk_, path, 1 << 20).value();
  ASSERT_GT(bytes.size(), old_bytes.size());
  const auto cut = [&](SimDisk& disk) {
    ASSERT_TRUE(disk.Open(path, OpenMode::kReadWrite).value()->Truncate(old_bytes.size()).ok());
  };
  for (CollectionOptions options : {options_, read_only_}) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    cut(*disk);
    options.file_system = disk.get();
    const Status status = Collection::Open("c", options).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(path + ": at byte " + std::to_string(old_bytes.size())),
              std::string_view::npos)
        << status.ToString();
    // The note is damaged, of another collection, or gone: then nobody knows.
    SetByte(*disk, "c/LOCK", 120, '?');
    EXPECT_TRUE(Collection::Open("c", options).ok());
    ASSERT_TRUE(disk->RemoveFile("c/LOCK").ok());
    EXPECT_TRUE(Collection::Open("c", options).ok());
  }
  // The older state as a whole is one.
  EXPECT_EQ(Look(*before, read_only_), "");
  // So is a log that went on after the note.
  {
    auto collection = Collection::Open("c", options_).value();
    ASSERT_TRUE(collection->Delete(std::vector<std::string>{"new"}).ok());
    const auto killed = disk_.ProcessKill();
    EXPECT_EQ(Look(*killed, options_), "");
  }
  EXPECT_EQ(Look(disk_, options_), "");
}

// Guards: the newest manifest and its log removed together looked like a collection that had never had them.
TEST_F(Damage, ALostManifestIsNoticedAlsoWhenItsLogIsLostToo) {
  const auto before = disk_.PowerCut(PowerCutKind::kKeepEverything);
  {
    auto collection = Collection::Open("c", options_).value();
    for (int i = 0; i < 100 && collection->Stats().sealed_segments < 3; ++i)
      ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("more" + std::to_string(i), i)}).ok());
    ASSERT_TRUE(collection->Close().ok());
  }
  for (const auto& entry : disk_.List("c").value()) {
    if ((entry.name.starts_with("MANIFEST-") || entry.name.starts_with("log-")) &&
        !before->Stat(JoinPath("c", entry.name)).ok()) {
      ASSERT_TRUE(disk_.RemoveFile(JoinPath("c", entry.name)).ok());
    }
  }
  // Everything of before is put back but LOCK.
  for (const std::string& name : names_) {
    if (name == "LOCK") continue;
    const std::string bytes = cocozvec::ReadFile(*before, JoinPath("c", name), 1 << 20).value();
    auto file = disk_.Open(JoinPath("c", name), OpenMode::kCreate).value();
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, AsBytes(bytes)).ok());
  }
  const Status status = Collection::Open("c", read_only_).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("a newer manifest is missing"), std::string_view::npos)
      << status.ToString();
}

TEST_F(Damage, AnOlderCopyOfAFileIsNotTakenForTheNewOne) {
  const auto before = disk_.PowerCut(PowerCutKind::kKeepEverything);
  {
    auto collection = Collection::Open("c", options_).value();
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Upsert(std::vector{AllTypesDoc("new", 9)}).ok());
    expected_["new"] = AllTypesDoc("new", 9);
    ++with_vectors_;
    ASSERT_TRUE(collection->Close().ok());
  }
  // Every file of before under every name of its kind of today.
  for (const auto& entry : disk_.List("c").value()) {
    const std::string kind = entry.name.substr(0, entry.name.find('-'));
    if (kind == "LOCK" || kind == "MARK") continue;
    for (const std::string& old_name : names_) {
      if (!old_name.starts_with(kind)) continue;
      const auto copy = disk_.PowerCut(PowerCutKind::kKeepEverything);
      const std::string bytes = cocozvec::ReadFile(*before, JoinPath("c", old_name), 1 << 20).value();
      auto file = copy->Open(JoinPath("c", entry.name), OpenMode::kReadWrite).value();
      ASSERT_TRUE(file->Truncate(0).ok());
      ASSERT_TRUE(file->WriteAt(0, AsBytes(bytes)).ok());
      EXPECT_EQ(Look(*copy, read_only_), "") << old_name << " in place of " << entry.name;
    }
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
