// What readers in other processes get of graphs that grow: they scan few rows beside a writer, whatever it
// seals, and every answer is the writer's.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 16;

class ShareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (float& c : centres_) c = normal_(random_);
    options_.index_min_rows = 100;
    options_.file_system = &fs_;
    CollectionSchema schema;
    schema.name = "shared";
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"v", DataType::kVectorFp32, true, kDim, IndexParams::Hnsw(MetricType::kL2)},
                     {"w", DataType::kVectorFp32, true, kDim, IndexParams::Hnsw(MetricType::kCosine)}};
    writer_ = Collection::Create("c", schema, options_).value();
  }
  std::vector<float> Draw() {
    std::vector<float> v(kDim);
    const std::size_t centre = random_() % 20;
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.6f * normal_(random_);
    return v;
  }
  void OpenReader() {
    CollectionOptions options;
    options.read_only = true;
    options.file_system = &disk_;
    reader_ = Collection::Open("c", options).value();
  }
  void Insert(int first, int last) {
    for (int begin = first; begin < last; begin += 100) {
      std::vector<Doc> docs;
      for (int n = begin; n < std::min(last, begin + 100); ++n)
        docs.push_back(Doc("d" + std::to_string(n), {{"n", std::int64_t{n}}, {"v", Draw()}, {"w", Draw()}}));
      ASSERT_TRUE(writer_->Upsert(docs).ok());
    }
  }
  void Settle() {
    while (writer_->Stats().maintaining) std::this_thread::yield();
  }
  VectorQuery Ask(const std::string& field) {
    VectorQuery query;
    query.field = field;
    query.vector = Draw();
    query.topk = 10;
    query.output_fields.emplace();
    return query;
  }
  /// The rows that a query of the reader scans, of the field that has more of them; its answers are right.
  std::uint64_t Scanned() {
    std::uint64_t most = 0;
    for (const std::string field : {"v", "w"}) {
      std::size_t hits = 0;
      for (int i = 0; i < 20; ++i) {
        VectorQuery query = Ask(field);
        const HitList found = reader_->Query(query).value();
        most = std::max(most, found.stats.unlinked);
        query.exact = true;
        std::set<std::string> ids;
        for (const Hit& hit : writer_->Query(query).value().hits) ids.insert(hit.doc.id);
        for (const Hit& hit : found.hits) hits += ids.contains(hit.doc.id);
      }
      EXPECT_GE(hits, 190u);
    }
    return most;
  }
  std::size_t Files(std::string_view kind) {
    std::size_t count = 0;
    for (const auto& entry : disk_.List("c").value()) count += entry.name.starts_with(kind);
    return count;
  }
  /// 6,000 rows, of which the reader has a graph over 4,096 or more.
  void Begin() {
    Insert(0, 100);
    OpenReader();
    Insert(100, 6'000);
    Settle();
    ASSERT_TRUE(reader_->Refresh().value());
    ASSERT_LE(Scanned(), 1'904u);
  }

  cocozvec::SimDisk disk_;
  HookedFileSystem fs_{disk_};  ///< the writer's
  CollectionOptions options_;
  std::shared_ptr<Collection> writer_, reader_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_ = std::vector<float>(20 * kDim);
};

TEST_F(ShareTest, AReaderScansNoMoreThanTheNewestRows) {
  Begin();
  EXPECT_EQ(Files("index-"), 2u);
  const CollectionStats stats = reader_->Stats();
  EXPECT_EQ(stats.sealed_segments, 0u);
  EXPECT_EQ(stats.doc_count, 6'000u);
  EXPECT_LE(stats.unlinked_rows, 1'904u);
  Insert(6'000, 6'200);  // they are found as well
  ASSERT_TRUE(reader_->Refresh().value());
  EXPECT_LE(Scanned(), 2'104u);
  EXPECT_EQ(reader_->Stats().doc_count, 6'200u);
}

TEST_F(ShareTest, WithoutAReaderNothingIsWritten) {
  Insert(0, 6'000);
  Settle();
  EXPECT_EQ(Files("index-"), 0u);
}

TEST_F(ShareTest, AfterASealTheGraphGoesOnServing) {
  Begin();
  std::atomic<bool> held = true;
  fs_.refuse = [&](const std::string& path) {
    while (held && path.find("index-") != std::string::npos) std::this_thread::yield();
    return Status();
  };
  Insert(6'000, 6'100);
  ASSERT_TRUE(reader_->Refresh().value());
  std::thread optimizing([&] { EXPECT_TRUE(writer_->Optimize({}).ok()); });
  while (writer_->Stats().sealed_segments == 0) std::this_thread::yield();
  ASSERT_TRUE(reader_->Refresh().value());
  EXPECT_EQ(reader_->Stats().sealed_segments, 1u);
  EXPECT_LE(Scanned(), 2'004u);
  EXPECT_LE(reader_->Stats().unlinked_rows, 2'004u);
  EXPECT_EQ(reader_->Stats().index_completeness.at("v"), 0);
  held = false;
  optimizing.join();
  ASSERT_TRUE(reader_->Refresh().value());
  EXPECT_EQ(Scanned(), 0u);
  EXPECT_EQ(reader_->Stats().index_completeness.at("v"), 1);
}

// The sealed rows are others than those in memory were: none may be taken for another.
TEST_F(ShareTest, AGraphServesNoSegmentOfOtherRows) {
  Begin();
  ASSERT_TRUE(writer_->Delete(std::vector<std::string>{"d7"}).ok());
  std::atomic<bool> held = true;
  fs_.refuse = [&](const std::string& path) {
    while (held && path.find("index-") != std::string::npos) std::this_thread::yield();
    return Status();
  };
  std::thread optimizing([&] { EXPECT_TRUE(writer_->Optimize({}).ok()); });
  while (writer_->Stats().sealed_segments == 0) std::this_thread::yield();
  ASSERT_TRUE(reader_->Refresh().value());
  EXPECT_EQ(Scanned(), 5'999u);
  held = false;
  optimizing.join();
}

TEST_F(ShareTest, ARowThatDiedIsNoAnswer) {
  Begin();
  const VectorQuery query = Ask("v");
  const HitList before = reader_->Query(query).value();
  ASSERT_TRUE(writer_->Delete(std::vector<std::string>{before.hits.at(0).doc.id}).ok());
  ASSERT_TRUE(reader_->Refresh().value());
  EXPECT_EQ(reader_->Query(query).value().hits.at(0).doc.id, before.hits.at(1).doc.id);
}

TEST_F(ShareTest, ADamagedGraphIsNotUsed) {
  Begin();
  reader_.reset();
  for (const auto& entry : disk_.List("c").value()) {
    if (!entry.name.starts_with("index-")) continue;
    auto file = disk_.Open("c/" + entry.name, cocozvec::OpenMode::kReadWrite).value();
    const std::uint64_t size = file->Size().value();
    for (std::uint64_t at = 64; at < size; at += 1'000) {
      const std::byte byte{0x5a};
      ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
    }
  }
  OpenReader();
  (void)reader_->Refresh().value();
  EXPECT_EQ(Scanned(), 6'000u);
}

TEST_F(ShareTest, ACloseLeavesNoFileOfThem) {
  Begin();
  EXPECT_EQ(Files("index-"), 2u);
  ASSERT_TRUE(writer_->Close().ok());
  EXPECT_EQ(Files("index-"), 0u);
  EXPECT_FALSE(reader_->Refresh().value());
  EXPECT_TRUE(reader_->Query(Ask("v")).ok());  // its own goes on
}

TEST_F(ShareTest, WhatAKilledWriterLeftIsRemovedByTheNextOne) {
  Begin();
  const auto left = disk_.ProcessKill();
  const auto count = [&] {
    const auto entries = left->List("c").value();
    return std::count_if(entries.begin(), entries.end(),
                         [](const auto& entry) { return entry.name.starts_with("index-"); });
  };
  EXPECT_EQ(count(), 2);
  options_.file_system = left.get();
  options_.maintenance = Maintenance::kManual;
  const auto next = Collection::Open("c", options_).value();
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(next->Stats().doc_count, 6'000u);
}

TEST_F(ShareTest, BesideAReaderABurstEndsEarlier) {
  writer_.reset();
  options_.max_unlinked_rows_while_read = 1'000;
  writer_ = Collection::Open("c", options_).value();
  std::uint64_t most = 0;
  for (int n = 0; n < 6'000; n += 500) {
    (void)writer_->Query(Ask("v")).value();
    Insert(n, n + 500);
    most = std::max(most, writer_->Stats().unlinked_rows);
  }
  EXPECT_LE(most, 1'600u);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
