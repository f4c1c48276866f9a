// Rows that no graph has yet are scanned by codes that the scans make (storage/coded_chunk.h): every answer
// is the exact one, bit for bit, and takes less work from the second time on.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "base/sanitizer.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::uint32_t kDim = 128, kRows = 5'000;

class BacklogTest : public ::testing::TestWithParam<MetricType> {
 protected:
  BacklogTest() : centres_(50 * kDim) {
    for (float& x : centres_) x = 3 * normal_(random_);
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"n", DataType::kInt32, false, 0, {}},
                     {"third", DataType::kInt32, false, 0, {}},
                     {"v", DataType::kVectorFp32, true, kDim, IndexParams::Hnsw(GetParam())}};
    options_.file_system = &disk_;
    options_.durability = Durability::kRelaxed;
    options_.maintenance = Maintenance::kManual;
    collection_ = Collection::Create("c", schema, options_).value();
  }
  std::vector<float> Draw() {
    std::vector<float> v(kDim);
    const std::size_t centre = random_() % 50;
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.6f * normal_(random_);
    return v;
  }
  /// Every fiftieth without a vector.
  void Put(int first, int count) {
    std::vector<Doc> docs;
    for (int n = first; n < first + count; ++n) {
      docs.push_back(Doc(std::to_string(n), {{"n", n}, {"third", n % 3}}));
      if (n % 50 != 0) docs.back().Set("v", Draw());
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  /// One segment of kRows, without a graph.
  void Seal() {
    Put(0, kRows);
    for (const std::uint32_t least : {2 * kRows, options_.index_min_rows}) {
      ASSERT_TRUE(collection_->Close().ok());
      options_.index_min_rows = least;
      collection_ = Collection::Open("c", options_).value();
      if (least > kRows) {
        ASSERT_TRUE(collection_->Optimize().ok());
      }
    }
    ASSERT_EQ(collection_->Stats().sealed_segments, 1u);
    ASSERT_EQ(collection_->Stats().unlinked_rows, kRows);
  }
  static VectorQuery Ask(std::vector<float> vector, const std::string& filter = "") {
    VectorQuery query;
    query.field = "v";
    query.vector = std::move(vector);
    query.topk = 10;
    query.filter = filter;
    return query;
  }
  void ExpectExact(VectorQuery query, const Collection& collection) {
    const HitList found = collection.Query(query).value();
    query.exact = true;
    const HitList exact = collection.Query(query).value();
    ASSERT_EQ(found.hits.size(), exact.hits.size());
    for (std::size_t i = 0; i < found.hits.size(); ++i) {
      EXPECT_EQ(found.hits[i].doc.id, exact.hits[i].doc.id);
      EXPECT_EQ(found.hits[i].score, exact.hits[i].score);
    }
  }

  std::mt19937 random_{17};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
};

TEST_P(BacklogTest, EveryAnswerIsTheExactOne) {
  Put(0, kRows);
  ASSERT_TRUE(collection_->Delete(std::vector<std::string>{"7", "700", "4999"}).ok());
  ASSERT_EQ(collection_->Stats().unlinked_rows, kRows);
  for (int i = 0; i < 60; ++i) {
    ExpectExact(Ask(Draw()), *collection_);
    ExpectExact(Ask(Draw(), i % 2 == 0 ? "third = 0" : "n > 4000 and n < 4100"), *collection_);
    Put(kRows + 40 * i, 40);  // some replaced, the last group grows
    Put(13 * i, 3);
  }
}

TEST_P(BacklogTest, TheNewestRowIsFoundInTheNextCall) {
  Put(0, 2'000);
  for (int i = 0; i < 200; ++i) {
    const std::vector<float> vector = Draw();
    const std::vector<Doc> docs = {Doc("new" + std::to_string(i), {{"n", -i}, {"third", 0}, {"v", vector}})};
    ASSERT_TRUE(collection_->Insert(docs).ok());
    EXPECT_EQ(collection_->Query(Ask(vector))->hits.at(0).doc.id, "new" + std::to_string(i));
  }
}

TEST_P(BacklogTest, ScansScoreFewRowsOnceTheyHaveCodes) {
  Put(0, kRows);
  QueryStats last;
  for (int i = 0; i < 40; ++i) last = collection_->Query(Ask(Draw()))->stats;
  EXPECT_EQ(last.matches, kRows);
  EXPECT_GE(last.code_distances, kRows * 9 / 10);
  EXPECT_LT(last.distances, kRows / 8);
}

TEST_P(BacklogTest, SealedSegmentsWithoutAGraphToo) {
  Seal();
  for (int i = 0; i < 40; ++i) ExpectExact(Ask(Draw()), *collection_);
  const QueryStats last = collection_->Query(Ask(Draw()))->stats;
  EXPECT_GE(last.code_distances, kRows * 9 / 10);
  EXPECT_LT(last.distances, kRows / 8);
}

// Guards: they stayed in memory beside the graph for as long as their segment, counted by nobody.
TEST_P(BacklogTest, TheCodesOfASealedSegmentGoWhenItsGraphIsThere) {
  Seal();
  EXPECT_EQ(collection_->Stats().scan_code_bytes, 0u);
  for (int i = 0; i < 40; ++i) (void)collection_->Query(Ask(Draw())).value();
  EXPECT_GE(collection_->Stats().scan_code_bytes, kRows * kDim);
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;  // which may be at them
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&, asked = Draw()] {
      while (!stop) EXPECT_EQ(collection_->Query(Ask(asked))->hits.size(), 10u);
    });
  ASSERT_TRUE(collection_->Optimize().ok());
  stop = true;
  for (std::thread& reader : readers) reader.join();
  ASSERT_EQ(collection_->Stats().unlinked_rows, 0u);
  EXPECT_EQ(collection_->Stats().scan_code_bytes, 0u);
}

TEST_P(BacklogTest, TheCodesOfASealedSegmentStayWhenRowsOfItAreDeleted) {
  Seal();
  for (int i = 0; i < 40; ++i) (void)collection_->Query(Ask(Draw())).value();
  const std::uint64_t bytes = collection_->Stats().scan_code_bytes;
  ASSERT_TRUE(collection_->Delete(std::vector<std::string>{"8"}).ok());
  EXPECT_EQ(collection_->Stats().scan_code_bytes, bytes);
}

TEST_P(BacklogTest, AReaderKeepsTheCodesOfASegmentUntilItsWriterHasLinkedIt) {
  Seal();
  CollectionOptions options = options_;
  options.read_only = true;
  const auto reader = Collection::Open("c", options).value();
  for (int i = 0; i < 40; ++i) (void)reader->Query(Ask(Draw())).value();
  const std::uint64_t bytes = reader->Stats().scan_code_bytes;
  EXPECT_GE(bytes, kRows * kDim);

  ASSERT_TRUE(collection_->Close().ok());
  options_.seal_bytes = 1;  // another segment with every write
  collection_ = Collection::Open("c", options_).value();
  Put(kRows, 10);
  EXPECT_TRUE(reader->Refresh().value());
  ASSERT_GE(reader->Stats().sealed_segments, 2u);
  EXPECT_EQ(reader->Stats().scan_code_bytes, bytes);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_TRUE(reader->Refresh().value());
  EXPECT_EQ(reader->Stats().scan_code_bytes, 0u);
}

TEST_P(BacklogTest, AReaderThatFindsNothingNewButGraphsDropsTheCodes) {
  Seal();
  CollectionOptions options = options_;
  options.read_only = true;
  const auto reader = Collection::Open("c", options).value();
  for (int i = 0; i < 40; ++i) (void)reader->Query(Ask(Draw())).value();
  EXPECT_GE(reader->Stats().scan_code_bytes, kRows * kDim);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_TRUE(reader->Refresh().value());
  EXPECT_EQ(reader->Stats().scan_code_bytes, 0u);
}

TEST_P(BacklogTest, QueriesBesideAWriterMakeCodesTogether) {
  Put(0, 1'500);
  const std::vector<float> asked = Draw();
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::vector<float> vector = asked;
      vector[static_cast<std::size_t>(t)] += 1;
      while (!stop) EXPECT_EQ(collection_->Query(Ask(vector))->hits.size(), 10u);
    });
  for (int i = 0; i < (cocozvec::kSanitized ? 20 : 60); ++i) Put(1'500 + 50 * i, 50);
  stop = true;
  for (std::thread& reader : readers) reader.join();
  ExpectExact(Ask(asked), *collection_);
}

INSTANTIATE_TEST_SUITE_P(Metrics, BacklogTest, ::testing::Values(MetricType::kL2, MetricType::kCosine),
                         [](const auto& test) {
                           return std::string(test.param == MetricType::kL2 ? "L2" : "Cosine");
                         });

}  // namespace
}  // namespace zvec::inline v0::testing_docs
