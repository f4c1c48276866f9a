// A query over several segments: what the largest one gave bounds the walks in the others and the scan of
// what no graph has, and costs no answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::uint32_t kDim = 128, kRows = 7'000, kBacklog = 700, kQueries = 60, kTopk = 10;

class SegmentsTest : public ::testing::TestWithParam<MetricType> {
 protected:
  SegmentsTest() : centres_(60 * kDim) {
    for (float& x : centres_) x = 3 * normal_(random_);
    CollectionSchema schema;
    schema.name = "c";
    IndexParams index = IndexParams::Hnsw(GetParam());
    index.m = 8;
    index.ef_construction = 40;
    schema.fields = {{"chance", DataType::kInt32, false, 0, {}},
                     {"v", DataType::kVectorFp32, false, kDim, index}};
    CollectionOptions options;
    options.file_system = &disk_;
    options.durability = Durability::kRelaxed;
    options.maintenance = Maintenance::kManual;
    options.index_min_rows = 100;
    options.seal_bytes = 1'000 * 4 * kDim;
    options.maintenance_memory_bytes = 1;  // nothing is merged
    collection_ = Collection::Create("c", schema, options).value();
  }
  std::vector<float> Draw() {
    std::vector<float> v(kDim);
    const std::size_t centre = random_() % 60;
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.6f * normal_(random_);
    return v;
  }
  /// Segments with graphs, and rows that none has; each vector `times`, in different segments.
  void Fill(std::uint32_t times) {
    std::vector<std::vector<float>> vectors;
    for (std::uint32_t n = 0; n < kRows / times; ++n) vectors.push_back(Draw());
    std::vector<Doc> docs;
    for (std::uint32_t n = 0; n < kRows; ++n) {
      docs.push_back(Doc(std::to_string(n), {{"chance", static_cast<std::int32_t>(random_() % 100)},
                                             {"v", vectors[n % vectors.size()]}}));
      if (docs.size() < 100) continue;
      ASSERT_TRUE(collection_->Insert(docs).ok());
      docs.clear();
      if (n == kRows - kBacklog - 1) {
        ASSERT_TRUE(collection_->Optimize().ok());
      }
    }
    ASSERT_GE(collection_->Stats().sealed_segments, 4u);
    ASSERT_GE(collection_->Stats().unlinked_rows, 500u);
  }
  static VectorQuery Ask(std::vector<float> vector) {
    VectorQuery query;
    query.field = "v";
    query.vector = std::move(vector);
    query.topk = kTopk;
    return query;
  }
  HitList Exact(VectorQuery query) const {
    query.exact = true;
    return collection_->Query(query).value();
  }
  /// Which share of the exact answer is found; what is found has the exact score.
  double Recall(const HitList& found, const HitList& exact) const {
    std::map<std::string, float> scores;
    for (const Hit& hit : exact.hits) scores[hit.doc.id] = hit.score;
    std::size_t right = 0;
    for (const Hit& hit : found.hits) {
      if (!scores.contains(hit.doc.id)) continue;
      EXPECT_EQ(hit.score, scores[hit.doc.id]);
      ++right;
    }
    return exact.hits.empty() ? 1 : static_cast<double>(right) / static_cast<double>(exact.hits.size());
  }

  cocozvec::SimDisk disk_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
  std::shared_ptr<Collection> collection_;
};

TEST_P(SegmentsTest, TheNearestAreFoundWithFewerScoresThanEachSegmentAloneNeeds) {
  Fill(1);
  double recall = 0, distances = 0;
  for (std::uint32_t q = 0; q < kQueries; ++q) {
    VectorQuery query = Ask(Draw());
    const HitList found = collection_->Query(query).value();
    EXPECT_EQ(found.hits.size(), kTopk);
    EXPECT_EQ(found.stats.matches, kRows);
    EXPECT_EQ(found.stats.strategy, "graph + scan");
    recall += Recall(found, Exact(query)) / kQueries;
    // The first queries make the codes of the backlog, and score what has none.
    if (q >= kQueries / 2) distances += static_cast<double>(found.stats.distances) / (kQueries / 2);
    query.filter = "chance < 50";
    // So few matches of so small segments are scanned.
    const HitList filtered = collection_->Query(query).value();
    EXPECT_EQ(filtered.stats.strategy, "scan of matches");
    EXPECT_EQ(filtered.hits.size(), kTopk);
    EXPECT_EQ(Recall(filtered, Exact(query)), 1);
  }
  EXPECT_GE(recall, 0.97);
  // Alone a segment scores ten at least. Distances say nothing of inner products before the end.
  if (GetParam() != MetricType::kIp) {
    EXPECT_LT(distances, 10 * collection_->Stats().sealed_segments);
  }
}

TEST_P(SegmentsTest, OfEqualScoresTheFirstInStorageOrderStay) {
  Fill(4);
  std::size_t same = 0;
  for (std::uint32_t q = 0; q < kQueries; ++q) {
    const VectorQuery query = Ask(Draw());  // ten hits are two and a half times four
    const HitList found = collection_->Query(query).value(), exact = Exact(query);
    ASSERT_EQ(found.hits.size(), exact.hits.size());
    const auto score = [](const Hit& a, const Hit& b) { return a.score == b.score; };
    if (!std::equal(found.hits.begin(), found.hits.end(), exact.hits.begin(), score)) continue;
    ++same;
    for (std::size_t i = 0; i < found.hits.size(); ++i)
      EXPECT_EQ(found.hits[i].doc.id, exact.hits[i].doc.id) << "query " << q << " hit " << i;
  }
  EXPECT_GE(same, kQueries * 3 / 4);
}

TEST_P(SegmentsTest, ARadiusBoundsTheFirstWalkToo) {
  Fill(1);
  double recall = 0;
  for (std::uint32_t q = 0; q < kQueries; ++q) {
    VectorQuery query = Ask(Draw());
    const HitList exact = Exact(query);
    query.radius = exact.hits[3].score;
    const HitList found = collection_->Query(query).value(), within = Exact(query);
    ASSERT_EQ(within.hits.size(), 4u);
    recall += Recall(found, within) / kQueries;
    query.radius = GetParam() == MetricType::kIp ? 1e9f : 0.0f;
    const HitList none = collection_->Query(query).value();
    EXPECT_TRUE(none.hits.empty());
    EXPECT_EQ(none.stats.strategy, "graph + scan");  // no other way is tried where the bound is the reason
    if (GetParam() != MetricType::kIp) {
      EXPECT_LT(none.stats.distances, found.stats.distances);
    }
  }
  EXPECT_GE(recall, 0.97);
}

INSTANTIATE_TEST_SUITE_P(Metrics, SegmentsTest,
                         ::testing::Values(MetricType::kL2, MetricType::kCosine, MetricType::kIp));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
