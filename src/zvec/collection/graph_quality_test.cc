// Whatever the vectors are, a query through the index finds nearly what a scan finds: where a graph would
// not, there is none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "base/sanitizer.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::kSanitized;
using Vector = std::vector<float>;

constexpr int kRows = kSanitized ? 4'000 : 12'000;

class GraphQuality : public ::testing::Test {
 protected:
  GraphQuality() { options_.file_system = &disk_; }

  Vector Gaussian(std::size_t dim, float length = 1) {
    Vector v(dim);
    for (float& x : v) x = normal_(random_) * length;
    return v;
  }
  Vector Near(const Vector& centre, float length) {
    Vector v = Gaussian(centre.size(), length);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] += centre[i];
    return v;
  }

  void Fill(MetricType metric, std::size_t dim, int rows, const std::function<Vector(int)>& vector) {
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {
        {"v", DataType::kVectorFp32, false, static_cast<std::uint32_t>(dim), IndexParams::Hnsw(metric)}};
    collection_ = Collection::Create("c", schema, options_).value();
    std::vector<Doc> docs;
    for (int i = 0; i < rows; ++i) docs.push_back(Doc(std::to_string(i), {{"v", vector(i)}}));
    ASSERT_TRUE(collection_->Insert(docs).ok());
    ASSERT_TRUE(collection_->Optimize().ok());
  }

  /// Share of the `topk` best that are found, over the queries.
  double Recall(const std::function<Vector()>& draw, std::uint32_t topk = 10, std::uint32_t ef = 0) {
    std::size_t found = 0, wanted = 0;
    for (int i = 0; i < 60; ++i) {
      VectorQuery query;
      query.field = "v";
      query.vector = draw();
      query.topk = topk;
      query.ef = ef;
      query.output_fields.emplace();
      const HitList fast = collection_->Query(query).value();
      strategy_ = fast.stats.strategy;
      query.exact = true;
      std::set<std::string> exact;
      for (const Hit& hit : collection_->Query(query).value().hits) exact.insert(hit.doc.id);
      for (const Hit& hit : fast.hits) found += exact.contains(hit.doc.id);
      wanted += exact.size();
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{1};
  std::normal_distribution<float> normal_;
  std::string strategy_;
};

// The codes' range took in what most rows are like: a cluster outside of it was one code.
TEST_F(GraphQuality, AFarClusterIsFoundAsWellAsTheOthers) {
  const Vector far(32, 30), near(32, 0);
  Fill(MetricType::kL2, 32, kRows, [&](int i) { return Near(i % 100 == 7 ? far : near, 1); });
  EXPECT_GE(Recall([&] { return Near(far, 1); }), 0.9);
  EXPECT_GE(Recall([&] { return Near(near, 1); }), 0.9);
}

// Two clusters, each with structure: a wider range costs nothing, and both are asked through the graph.
TEST_F(GraphQuality, AWiderRangeKeepsTheGraph) {
  std::vector<Vector> centres;
  for (int i = 0; i < 100; ++i) centres.push_back(Near(Vector(16, i % 100 == 7 ? 15.0f : 0.0f), 1));
  const auto draw = [&](int i) { return Near(centres[static_cast<std::size_t>(i) % 100], 0.5f); };
  Fill(MetricType::kL2, 16, kRows, draw);
  EXPECT_GE(Recall([&] { return draw(7); }), 0.95);
  EXPECT_EQ(strategy_, "graph");
}

// Guards: set a of bench/index. The codes cut off the outliers of every cluster; near them the candidates are
// in the wrong order, and for the sake of a few dozen questions of 100,000 the whole segment was scanned.
TEST_F(GraphQuality, AFewOutliersDoNotCostTheGraph) {
  std::vector<Vector> centres;
  for (int i = 0; i < 50; ++i) centres.push_back(Gaussian(48));
  const auto draw = [&](bool outlier) {
    return Near(centres[random_() % 50], outlier ? 2.5f : 0.6f * std::exp(0.25f * normal_(random_)));
  };
  Fill(MetricType::kL2, 48, kRows, [&](int i) { return draw(i % 300 == 7); });
  EXPECT_GE(Recall([&] { return draw(false); }), 0.95);
  EXPECT_EQ(strategy_, "graph");
  EXPECT_GE(Recall([&] { return draw(true); }), 0.9);
  EXPECT_EQ(strategy_, "graph");
}

// The sphere was as large as the longest row of a sample, and longer ones lay inside it.
TEST_F(GraphQuality, AFewLongRowsAreTheBestProducts) {
  std::vector<Vector> centres;
  for (int i = 0; i < 200; ++i) centres.push_back(Gaussian(64));
  const auto draw = [&] { return Near(centres[random_() % 200], 0.4f); };
  std::set<int> sampled;  // every third row or so
  for (int i = 0; i < 4'096; ++i) sampled.insert(static_cast<int>(std::int64_t{i} * kRows / 4'096));
  int longer = 0;
  Fill(MetricType::kIp, 64, kRows, [&](int i) {
    Vector v = draw();
    if (longer < 10 && i > kRows / 2 && (kSanitized || !sampled.contains(i))) {
      ++longer;
      for (float& x : v) x *= 6;
    }
    return v;
  });
  EXPECT_EQ(Recall(draw, 1), 1);
  EXPECT_GE(Recall(draw), 0.9);
}

TEST_F(GraphQuality, ProductsOfVectorsWithoutStructureAreFound) {
  Fill(MetricType::kIp, 64, kRows, [&](int) { return Gaussian(64); });
  EXPECT_GE(Recall([&] { return Gaussian(64); }), 0.9);
}

TEST_F(GraphQuality, LengthsOverManyOrdersAreFound) {
  const auto draw = [&] { return Gaussian(64, std::exp(normal_(random_))); };
  Fill(MetricType::kL2, 64, kRows, [&](int) { return draw(); });
  EXPECT_GE(Recall(draw), 0.9);
}

TEST_F(GraphQuality, AfterMostRowsAreDeletedTheRestAreFound) {
  std::vector<Vector> centres;
  for (int i = 0; i < 30; ++i) centres.push_back(Gaussian(32));
  const auto draw = [&] { return Near(centres[random_() % 30], 0.5f); };
  constexpr int kAll = kSanitized ? 5'000 : 20'000, kPart = 20;
  options_.index_min_rows = 100;
  Fill(MetricType::kL2, 32, kAll, [&](int) { return draw(); });
  std::vector<std::string> gone;
  for (int i = 0; i < kAll; ++i)
    if (i % kPart != 0) gone.push_back(std::to_string(i));
  ASSERT_TRUE(collection_->Delete(gone).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_GE(Recall(draw), 0.95);
  EXPECT_EQ(strategy_, "graph");
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
