// Sparse fields with lists: every answer is that of the scan.
#include <gtest/gtest.h>

#include <random>

#include "base/coding.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0::testing_docs {
namespace {

class SparseTest : public ::testing::TestWithParam<DataType> {
 protected:
  SparseTest() {
    options_.index_min_rows = 100;
    options_.file_system = &disk_;
    options_.maintenance = Maintenance::kManual;  // what is damaged stays so until Optimize
    CollectionSchema schema;
    schema.name = "sparse";
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"s", GetParam(), true, 0, IndexParams::Hnsw(MetricType::kIp)},
                     {"flat", GetParam(), true, 0, IndexParams::Flat(MetricType::kIp)}};
    collection_ = Collection::Create("c", schema, options_).value();
  }
  SparseVector Draw() {
    SparseVector s;
    for (std::uint32_t i = 0; i < 80; ++i) {
      if (random_() % (2 + i / 4) != 0) continue;
      s.indices.push_back(i * 7);
      s.values.push_back(normal_(random_));
    }
    return s;
  }
  void Insert(int first, int last) {
    std::vector<Doc> docs;
    for (int n = first; n < last; ++n) {
      Doc doc("d" + std::to_string(n), {{"n", std::int64_t{n}}});
      if (n % 17 != 0) doc.Set("s", Draw());
      docs.push_back(std::move(doc));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
  }
  HitList Ask(VectorQuery query) {
    const HitList found = collection_->Query(query).value();
    query.exact = true;
    const HitList exact = collection_->Query(query).value();
    EXPECT_EQ(exact.stats.strategy.find("lists"), std::string::npos);
    EXPECT_EQ(found.hits.size(), exact.hits.size());
    for (std::size_t i = 0; i < found.hits.size() && i < exact.hits.size(); ++i) {
      EXPECT_EQ(found.hits[i].doc.id, exact.hits[i].doc.id);
      EXPECT_EQ(found.hits[i].score, exact.hits[i].score);
    }
    EXPECT_EQ(found.stats.matches, exact.stats.matches);
    EXPECT_EQ(found.stats.documents, exact.stats.documents);
    return found;
  }
  /// Many queries; returns the strategy of the last without a filter.
  std::string ExpectScans() {
    std::string strategy;
    for (int q = 0; q < 20; ++q) {
      for (const char* filter : {"n < 3", "n < 900", "n > 5000000", "id != 'd1'"})
        Ask({.field = "s", .vector = Draw(), .topk = 10, .filter = filter});
      Ask({.field = "s", .vector = Draw(), .topk = 5'000});
      Ask({.field = "s", .vector = Draw(), .topk = 20, .radius = 1.5f});
      Ask({.field = "s", .vector = Draw(), .topk = 20, .radius = -1.0f});
      strategy = Ask({.field = "s", .vector = Draw()}).stats.strategy;
    }
    Ask({.field = "s", .vector = SparseVector{}});
    Ask({.field = "s", .vector = SparseVector{{3}, {1}}});
    return strategy;
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{11};
  std::normal_distribution<float> normal_;
};

TEST_P(SparseTest, AnswersAreThoseOfTheScanThroughDeletesMergesAndReopening) {
  Insert(0, 1'500);
  EXPECT_EQ(ExpectScans(), "scan");
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(ExpectScans(), "lists");
  EXPECT_EQ(collection_->Stats().index_completeness["s"], 1);
  std::vector<std::string> gone;
  for (int n = 0; n < 1'500; n += 3) gone.push_back("d" + std::to_string(n));
  ASSERT_EQ(collection_->Delete(gone)->applied, gone.size());
  Insert(1'500, 1'700);
  Insert(0, 50);
  EXPECT_EQ(ExpectScans(), "lists + scan");
  for (const bool map : {true, false}) {
    options_.enable_mmap = map;
    Reopen();
    EXPECT_EQ(ExpectScans(), "lists + scan");
  }
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(ExpectScans(), "lists");
}

TEST_P(SparseTest, AFieldWithoutAVectorAndAFlatFieldHaveNoLists) {
  Insert(0, 300);
  ASSERT_TRUE(collection_->Optimize().ok());
  const HitList hits = collection_->Query({.field = "flat", .vector = Draw()}).value();
  EXPECT_TRUE(hits.hits.empty());
  EXPECT_EQ(hits.stats.strategy, "scan");
  EXPECT_EQ(hits.stats.unlinked, 0u);
}

// Guards: lists as a matter of truth. Files that are gone, damaged or unreadable cost time only, and Optimize
// mends them.
class BadLists : public SparseTest {
 protected:
  BadLists() {
    cocozvec::SetLogCallback([this](cocozvec::LogLevel, std::string_view message) { log_ += message; });
    hooked_.unreadable = [this](const std::string& path, std::uint64_t offset, std::uint64_t size) {
      return path == file_ && offset <= bad_ && bad_ < offset + size
                 ? Status::IoError(path + ": Input/output error")
                 : Status();
    };
    EXPECT_TRUE(collection_->Close().ok());
    options_.file_system = &hooked_;
    collection_ = Collection::Open("c", options_).value();
    Insert(0, 600);
  }
  ~BadLists() override {
    collection_.reset();
    cocozvec::SetLogCallback({});
  }

  std::string File() {
    std::string file;
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("index-")) file = "c/" + entry.name;
    return file;
  }
  /// Where the parts of a file begin.
  std::vector<std::uint64_t> Places(const std::string& file) {
    const std::string bytes = cocozvec::ReadFile(disk_, file, 1 << 20).value();
    const std::uint64_t number = cocozvec::Reader(AsBytes(bytes.substr(24, 8))).Read<std::uint64_t>();
    const FileHeader header = DecodeFileHeader(kSparseMagic, bytes.substr(0, 64), number, file).value();
    const std::string table = bytes.substr(header.b);
    cocozvec::Reader in(AsBytes(table));
    std::vector<std::uint64_t> places = {0, header.b};
    while (!in.done()) {
      places.push_back(in.Read<std::uint64_t>());
      in.Read<std::uint64_t>();
      for (auto blocks = in.Read<std::uint32_t>(); blocks > 0; --blocks) in.Read<std::uint64_t>();
      EXPECT_TRUE(in.ok());
      if (!in.ok()) break;
    }
    return places;
  }
  void Flip(std::uint64_t at) {
    const auto file = disk_.Open(file_, cocozvec::OpenMode::kReadWrite).value();
    std::byte byte{};
    ASSERT_TRUE(file->ReadAt(at, {&byte, 1}).ok());
    byte = ~byte;
    ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
  }
  void ExpectOptimizeMends() {
    ASSERT_TRUE(collection_->Optimize().ok());
    log_.clear();
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Ask({.field = "s", .vector = Draw()}).stats.strategy, "lists");
      Reopen();
    }
    EXPECT_EQ(log_, "");
  }

  HookedFileSystem hooked_{disk_};
  std::string log_, file_;
  std::uint64_t bad_ = UINT64_MAX;
};

TEST_P(BadLists, WhateverPartIsDamagedOrUnreadableIsToldAndScannedUntilOptimizeMakesThemAnew) {
  ASSERT_TRUE(collection_->Optimize().ok());
  const std::size_t places = Places(File()).size();
  ASSERT_EQ(places, 2 + 7u);
  for (const bool unreadable : {false, true}) {
    for (std::size_t place = 0; place < places; ++place) {
      SCOPED_TRACE((unreadable ? "unreadable " : "damaged ") + std::to_string(place));
      ASSERT_TRUE(collection_->Close().ok());
      file_ = File();
      const std::uint64_t at = Places(file_)[place];
      unreadable ? static_cast<void>(bad_ = at) : Flip(at);
      log_.clear();
      auto opened = Collection::Open("c", options_);
      ASSERT_TRUE(opened.ok()) << opened.status().ToString();
      collection_ = *std::move(opened);
      const std::string strategy = Ask({.field = "s", .vector = Draw()}).stats.strategy;
      EXPECT_EQ(strategy, "scan");
      EXPECT_NE(log_.find(file_), std::string::npos) << log_;
      Ask({.field = "s", .vector = Draw(), .topk = 10, .filter = "n < 300"});
      Ask({.field = "s", .vector = Draw(), .topk = 10, .filter = "n < 3"});
      ExpectOptimizeMends();
      bad_ = UINT64_MAX;
    }
  }
}

TEST_P(BadLists, MissingOnesAreScannedUntilOptimizeMakesThemAnew) {
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Close().ok());
  ASSERT_TRUE(disk_.RemoveFile(File()).ok());
  collection_ = Collection::Open("c", options_).value();
  EXPECT_EQ(ExpectScans(), "scan");
  EXPECT_GT(Ask({.field = "s", .vector = Draw()}).stats.unlinked, 0u);
  ExpectOptimizeMends();
}

// As where a segment has more entries than lists can have (UINT32_MAX).
TEST_P(BadLists, ASegmentWithoutListsWasNotRefused) {
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Close().ok());
  std::uint64_t generation = 0;
  for (const auto& entry : disk_.List("c").value())
    if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kManifest)
      generation = std::max(generation, name->number);
  Manifest manifest = ReadManifest(disk_, "c", generation).value();
  ASSERT_EQ(manifest.segments.at(0).indexes.size(), 1u);
  IndexEntry& index = manifest.segments[0].indexes[0];
  index = {.field = index.field, .nodes = index.nodes};
  ++manifest.generation;
  bool uncertain = false;
  ASSERT_TRUE(InstallManifest(disk_, "c", manifest, &uncertain).ok());
  collection_ = Collection::Open("c", options_).value();
  const HitList found = Ask({.field = "s", .vector = Draw()});
  EXPECT_EQ(found.stats.strategy, "scan");
  EXPECT_FALSE(found.hits.empty());
  EXPECT_EQ(found.stats.refused, 0u);
}

// Guards: segments of the size of a seal were taken to be too large to merge, dense bytes included.
TEST(SparseMerge, SealsBesideADenseFieldBecomeOneAndTheLimitCutsALargeOne) {
  cocozvec::SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  options.maintenance = Maintenance::kManual;
  options.seal_bytes = 1 << 20;
  options.maintenance_memory_bytes = 12 << 20;
  CollectionSchema schema;
  schema.name = "sparse";
  schema.fields = {{"v", DataType::kVectorFp32, true, 128, {}},
                   {"s", DataType::kSparseVectorFp16, true, 0, IndexParams::Hnsw(MetricType::kIp)}};
  auto collection = Collection::Create("c", schema, options).value();
  const auto write = [&](int last, std::uint32_t terms, bool dense) {
    for (int n = 0; n < last; n += 100) {
      std::vector<Doc> docs;
      for (int i = n; i < n + 100; ++i) {
        SparseVector s;
        for (std::uint32_t t = 0; t < terms; ++t) {
          s.indices.push_back(t * 5 + static_cast<std::uint32_t>(i % 5));
          s.values.push_back(1);
        }
        docs.push_back(Doc("d" + std::to_string(i), {{"s", std::move(s)}}));
        if (dense) docs.back().Set("v", std::vector<float>(128, static_cast<float>(i)));
      }
      ASSERT_TRUE(collection->Upsert(docs).ok());
    }
  };
  write(9'000, 20, true);
  ASSERT_GE(collection->Stats().sealed_segments, 5u);
  ASSERT_TRUE(collection->Optimize().ok());
  EXPECT_EQ(collection->Stats().sealed_segments, 1u);
  EXPECT_EQ(collection->Stats().doc_count, 9'000u);
  // Under smaller limits it is cut when it is written anew.
  ASSERT_TRUE(collection->Close().ok());
  options.seal_bytes = 256 << 10;
  options.maintenance_memory_bytes = 2 << 20;
  collection = Collection::Open("c", options).value();
  ASSERT_TRUE(collection->Delete(std::vector<std::string>{"d0"}).ok());
  ASSERT_TRUE(collection->Optimize().ok());
  EXPECT_EQ(collection->Stats().sealed_segments, 2u);
  EXPECT_EQ(collection->Stats().doc_count, 8'999u);
  // Nothing but sparse values: the budget counts them, and what a seal holds still fits.
  options.seal_bytes = 1 << 20;
  options.maintenance_memory_bytes = 256 << 10;
  ASSERT_TRUE(collection->Close().ok());
  ASSERT_TRUE(Collection::Destroy("c", options).ok());
  collection = Collection::Create("c", schema, options).value();
  write(4'000, 300, false);
  const std::uint64_t sealed = collection->Stats().sealed_segments;
  ASSERT_GE(sealed, 4u);
  ASSERT_TRUE(collection->Optimize().ok());
  EXPECT_LE(collection->Stats().sealed_segments, sealed / 2 + 1);
  EXPECT_GE(collection->Stats().sealed_segments, sealed / 2 - 1);
  EXPECT_EQ(collection->Stats().doc_count, 4'000u);
}

INSTANTIATE_TEST_SUITE_P(Values, SparseTest,
                         ::testing::Values(DataType::kSparseVectorFp32, DataType::kSparseVectorFp16));

INSTANTIATE_TEST_SUITE_P(Values, BadLists,
                         ::testing::Values(DataType::kSparseVectorFp32, DataType::kSparseVectorFp16));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
