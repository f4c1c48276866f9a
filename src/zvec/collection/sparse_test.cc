// Sparse fields with lists: every answer is that of the scan.
#include <gtest/gtest.h>

#include <random>

#include "cocozvec/base/log.h"
#include "zvec/collection/testing/test_docs.h"

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

// Guards: lists as a matter of truth. Files that are gone or damaged cost time only, and Optimize mends them.
TEST_P(SparseTest, MissingAndDamagedListsAreScannedUntilOptimizeMakesThemAnew) {
  Insert(0, 600);
  ASSERT_TRUE(collection_->Optimize().ok());
  std::string file;
  for (const auto& entry : disk_.List("c").value())
    if (entry.name.starts_with("index-")) file = "c/" + entry.name;
  ASSERT_FALSE(file.empty());
  ASSERT_TRUE(collection_->Close().ok());
  const std::uint64_t size = disk_.Stat(file).value().size;
  for (const std::uint64_t at : {std::uint64_t{3}, size / 4, size / 2, size - 9}) {
    const auto damaged = disk_.Open(file, cocozvec::OpenMode::kReadWrite).value();
    std::byte byte{};
    ASSERT_TRUE(damaged->ReadAt(at, {&byte, 1}).ok());
    const std::byte other = ~byte;
    ASSERT_TRUE(damaged->WriteAt(at, {&other, 1}).ok());
    collection_ = Collection::Open("c", options_).value();
    ExpectScans();
    ASSERT_TRUE(collection_->Close().ok());
    ASSERT_TRUE(damaged->WriteAt(at, {&byte, 1}).ok());
  }
  ASSERT_TRUE(disk_.RemoveFile(file).ok());
  collection_ = Collection::Open("c", options_).value();
  EXPECT_EQ(ExpectScans(), "scan");
  EXPECT_GT(Ask({.field = "s", .vector = Draw()}).stats.unlinked, 0u);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(ExpectScans(), "lists");
  Reopen();
  EXPECT_EQ(ExpectScans(), "lists");
}

INSTANTIATE_TEST_SUITE_P(Values, SparseTest,
                         ::testing::Values(DataType::kSparseVectorFp32, DataType::kSparseVectorFp16));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
