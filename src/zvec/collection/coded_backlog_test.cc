// Scans by codes (storage/coded_chunk.h) at their edges: a radius bounds them before anything is found, and
// rows that no code fits are scored as they are.
#include <gtest/gtest.h>

#include <random>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::uint32_t kDim = 128, kTopk = 100;
constexpr int kRows = 3'000;

class CodedBacklog : public ::testing::TestWithParam<MetricType> {
 protected:
  CodedBacklog() : centres_(30 * kDim) {
    for (float& x : centres_) x = 3 * normal_(random_);
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(GetParam())}};
    CollectionOptions options;
    options.file_system = &disk_;
    options.durability = Durability::kRelaxed;
    options.maintenance = Maintenance::kManual;  // no row gets into a graph
    collection_ = Collection::Create("c", schema, options).value();
  }
  std::vector<float> Draw() {
    std::vector<float> v(kDim);
    const std::size_t centre = random_() % 30;
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.6f * normal_(random_);
    return v;
  }
  /// One element far outside of what codes hold, in every direction too.
  std::vector<float> Spike(int n) {
    std::vector<float> v = Draw();
    v[static_cast<std::size_t>(n * 37) % kDim] += 1'000;
    return v;
  }
  template <class Vector>
  void Put(const Vector& vector) {
    std::vector<Doc> docs;
    for (int n = 0; n < kRows; ++n) docs.push_back(Doc(std::to_string(n), {{"v", vector(n)}}));
    ASSERT_TRUE(collection_->Upsert(docs).ok());
    // Scans make the codes, some groups each.
    for (int i = 0; i < 60; ++i) (void)collection_->Query(Ask(Draw())).value();
  }
  static VectorQuery Ask(std::vector<float> vector) {
    VectorQuery query;
    query.field = "v";
    query.vector = std::move(vector);
    query.topk = kTopk;
    return query;
  }
  /// The answer, which is the exact one.
  HitList Exact(VectorQuery query) {
    HitList found = collection_->Query(query).value();
    query.exact = true;
    const HitList exact = collection_->Query(query).value();
    EXPECT_EQ(found.hits.size(), exact.hits.size());
    for (std::size_t i = 0; i < std::min(found.hits.size(), exact.hits.size()); ++i) {
      EXPECT_EQ(found.hits[i].doc.id, exact.hits[i].doc.id);
      EXPECT_EQ(found.hits[i].score, exact.hits[i].score);
    }
    return found;
  }

  std::mt19937 random_{23};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
  cocozvec::SimDisk disk_;
  std::shared_ptr<Collection> collection_;
};

TEST_P(CodedBacklog, ARadiusIsABoundFromTheFirstRowOn) {
  ASSERT_NO_FATAL_FAILURE(Put([&](int) { return Draw(); }));
  for (int q = 0; q < 20; ++q) {
    VectorQuery query = Ask(Draw());
    const HitList all = Exact(query);
    ASSERT_EQ(all.hits.size(), kTopk);
    for (const std::size_t wanted : {1u, 5u, 40u}) {
      query.radius = all.hits[wanted - 1].score;
      const HitList within = Exact(query);
      EXPECT_EQ(within.hits.size(), wanted);
      EXPECT_GE(within.stats.code_distances, kRows * 9u / 10);
      EXPECT_LT(within.stats.distances, kRows / 8u);
    }
    query.radius = all.hits[0].score / 4;
    const HitList none = Exact(query);
    EXPECT_EQ(none.hits.size(), 0u);
    EXPECT_LT(none.stats.distances, kRows / 20u);
  }
}

// Every seventieth row, so that most groups have some, and some none.
TEST_P(CodedBacklog, RowsThatNoCodeFitsAreFoundAmongThoseThatHaveThem) {
  constexpr int kEvery = 70;
  std::vector<std::vector<float>> spikes;
  ASSERT_NO_FATAL_FAILURE(Put([&](int n) {
    if (n % kEvery != 3) return Draw();
    spikes.push_back(Spike(n));
    return spikes.back();
  }));
  for (std::size_t s = 0; s < spikes.size(); s += 3) {
    std::vector<float> near = spikes[s];
    for (float& x : near) x += 0.1f * normal_(random_);
    const HitList hits = Exact(Ask(near));
    EXPECT_EQ(hits.hits.at(0).doc.id, std::to_string(kEvery * static_cast<int>(s) + 3));
    EXPECT_GE(hits.stats.code_distances, kRows / 2u);
  }
  for (int q = 0; q < 20; ++q) (void)Exact(Ask(Draw()));
}

INSTANTIATE_TEST_SUITE_P(Metrics, CodedBacklog, ::testing::Values(MetricType::kL2, MetricType::kCosine),
                         [](const auto& test) {
                           return std::string(test.param == MetricType::kL2 ? "L2" : "Cosine");
                         });

}  // namespace
}  // namespace zvec::inline v0::testing_docs
