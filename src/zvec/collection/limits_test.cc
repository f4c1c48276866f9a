// S6: sizes and numbers at their limits and beyond, through the public API: an answer that is defined, or an
// error that names the limit; scanned and through a graph, in every metric and kind of code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::SimDisk;
using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

struct Kind {
  std::string name;
  MetricType metric;
  IndexParams index;
};

class LimitsTest : public ::testing::Test {
 protected:
  CollectionOptions Options() {
    CollectionOptions options;
    options.file_system = &disk_;
    options.index_min_rows = 1;
    options.maintenance = Maintenance::kManual;
    return options;
  }
  static CollectionSchema Schema(DataType type, std::uint32_t dim, IndexParams index) {
    CollectionSchema schema;
    schema.name = "limits";
    schema.fields = {{"v", type, false, dim, std::move(index)}};
    return schema;
  }
  std::shared_ptr<Collection> Create(const CollectionSchema& schema) {
    return Collection::Create("c" + std::to_string(++made_), schema, Options()).value();
  }
  template <class T>
  static VectorQuery Query(std::vector<T> vector, std::uint32_t topk = 10) {
    VectorQuery query;
    query.field = "v";
    query.vector = std::move(vector);
    query.topk = topk;
    return query;
  }
  static std::vector<Doc> Docs(const std::vector<std::vector<float>>& vectors) {
    std::vector<Doc> docs;
    for (const auto& vector : vectors) docs.emplace_back("d" + std::to_string(docs.size())).Set("v", vector);
    return docs;
  }

  void ExpectDefinedAnswers(const Kind& kind, const std::vector<std::vector<float>>& vectors,
                            std::size_t queries, const std::string& strategy);

  SimDisk disk_;
  int made_ = 0;
};

TEST_F(LimitsTest, DimensionsAreOneToTheLargest) {
  for (const std::uint32_t bad : {0u, kMaxDimension + 1, 0x7FFFFFFFu, 0x80000000u, UINT32_MAX}) {
    const auto refused = Collection::Create(
        "bad", Schema(DataType::kVectorFp32, bad, IndexParams::Hnsw(MetricType::kL2)), Options());
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("dimension is " + std::to_string(bad)));
    EXPECT_FALSE(disk_.Stat("bad").ok());
  }
  for (const std::uint32_t dim : {1u, kMaxDimension}) {
    const auto collection = Create(Schema(DataType::kVectorFp32, dim, IndexParams::Hnsw(MetricType::kL2)));
    std::vector<float> ones(dim, 1), longer(dim + 1, 1);
    ASSERT_TRUE(collection->Insert(Docs({ones})).ok());
    EXPECT_EQ(collection->Query(Query(longer)).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(collection->Query(Query(std::vector<float>{})).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(collection->Insert(Docs({longer})).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(collection->Query(Query(ones)).value().hits[0].score, 0);
  }
}

TEST_F(LimitsTest, TopkAndEfAreRefusedBeyondTheirLimits) {
  const auto collection = Create(Schema(DataType::kVectorFp32, 2, IndexParams::Hnsw(MetricType::kL2)));
  ASSERT_TRUE(collection->Insert(Docs({{1, 0}, {0, 1}, {2, 2}})).ok());
  ASSERT_TRUE(collection->Optimize().ok());
  for (const std::uint32_t bad : {0u, kMaxTopk + 1, 0x7FFFFFFFu, UINT32_MAX}) {
    const auto refused = collection->Query(Query(std::vector<float>{1, 0}, bad));
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(std::to_string(bad)));
    const std::vector<float> vector = {1, 0};
    BatchQuery batch;
    batch.field = "v";
    batch.vectors = std::span<const float>(vector);
    batch.topk = bad;
    EXPECT_EQ(collection->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  for (const std::uint32_t good : {1u, 3u, kMaxTopk})
    EXPECT_EQ(collection->Query(Query(std::vector<float>{1, 0}, good)).value().hits.size(),
              std::min(good, 3u));
  for (const std::uint32_t bad : {kMaxEf + 1, 0x7FFFFFFFu, UINT32_MAX}) {
    VectorQuery query = Query(std::vector<float>{1, 0});
    query.ef = bad;
    EXPECT_EQ(collection->Query(query).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  ScanQuery nothing;
  nothing.limit = 0;
  EXPECT_TRUE(collection->Scan(nothing).value().hits.empty());
}

TEST_F(LimitsTest, WhatIsNoNumberIsRefusedInDocumentsAndQueries) {
  for (const DataType type : {DataType::kVectorFp32, DataType::kVectorFp16}) {
    const auto collection = Create(Schema(type, 2, IndexParams::Hnsw(MetricType::kCosine)));
    ASSERT_TRUE(collection->Insert(Docs({{1, 0}})).ok());
    for (const float bad : {std::nanf(""), -std::nanf(""), kInf, -kInf}) {
      EXPECT_EQ(collection->Upsert(Docs({{1, bad}})).status().code(), StatusCode::kInvalidArgument) << bad;
      EXPECT_EQ(collection->Query(Query(std::vector<float>{bad, 1})).status().code(),
                StatusCode::kInvalidArgument)
          << bad;
      VectorQuery query = Query(std::vector<float>{1, 1});
      query.radius = bad;
      const auto near = collection->Query(query);
      if (std::isnan(bad)) {
        EXPECT_EQ(near.status().code(), StatusCode::kInvalidArgument);
      } else {  // without a limit, or nothing within it
        EXPECT_EQ(near.value().hits.size(), bad > 0 ? 1u : 0u) << bad;
      }
    }
    EXPECT_EQ(collection->Stats().doc_count, 1u);
  }
}

constexpr std::size_t kOrdinary = 600;

std::vector<std::vector<float>> OrdinaryVectors() {
  std::vector<std::vector<float>> vectors(kOrdinary, std::vector<float>(4));
  std::minstd_rand random(1);
  for (auto& vector : vectors)
    for (float& x : vector) x = static_cast<float>(random() % 2001) / 1000 - 1;
  return vectors;
}

/// The extremes, and enough around them for a graph.
std::vector<std::vector<float>> ExtremeVectors() {
  std::vector<std::vector<float>> vectors = {{0, 0, 0, 0},
                                             {-0.0F, 0, -0.0F, 0},
                                             {kDenormal, 0, 0, 0},
                                             {-kDenormal, kDenormal, 0, 0},
                                             {1e-38F, 1e-38F, 0, 0},
                                             {1, -0.0F, 0, 0},
                                             {1e20F, 1e20F, -1e20F, 1},
                                             {-1e20F, 1e-20F, 0, 0},
                                             {3e38F, -3e38F, 1, 0},
                                             {3.4e38F, 3.4e38F, 3.4e38F, 3.4e38F}};
  for (auto& vector : OrdinaryVectors()) vectors.push_back(std::move(vector));
  return vectors;
}

/// Every metric with every kind of code that the schema allows.
std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  for (int metric = 1; metric < 256; ++metric)
    for (int quantize = 0; quantize < 256; ++quantize) {
      const auto m = static_cast<MetricType>(metric);
      const auto q = static_cast<QuantizeType>(quantize);
      IndexParams index = IndexParams::Hnsw(m, q);
      if (q == QuantizeType::kRabitq) index.type = IndexType::kHnswRabitq;
      CollectionSchema schema;
      schema.name = "limits";
      schema.fields = {{"v", DataType::kVectorFp32, false, 4, index}};
      if (!schema.Validate().ok()) continue;
      kinds.push_back({std::string(MetricTypeName(m)) + " " + std::string(QuantizeTypeName(q)), m, index});
    }
  return kinds;
}

/// Scores are numbers, nearest first.
void ExpectDefined(const HitList& found, MetricType metric) {
  ASSERT_EQ(found.hits.size(), 10u);
  for (std::size_t i = 0; i < found.hits.size(); ++i) {
    const float score = found.hits[i].score;
    ASSERT_FALSE(std::isnan(score)) << found.hits[i].doc.id;
    if (i == 0) continue;
    const float before = found.hits[i - 1].score;
    EXPECT_TRUE(metric == MetricType::kIp ? before >= score : before <= score);
  }
}

std::map<std::string, float> Scores(const HitList& found) {
  std::map<std::string, float> scores;
  for (const Hit& hit : found.hits) scores[hit.doc.id] = hit.score;
  return scores;
}

/// Queries with the first `queries` vectors, in memory and sealed; an approximate one is answered by
/// `strategy` then. A document that both kinds of query find has one score.
void LimitsTest::ExpectDefinedAnswers(const Kind& kind, const std::vector<std::vector<float>>& vectors,
                                      std::size_t queries, const std::string& strategy) {
  const auto collection = Create(Schema(DataType::kVectorFp32, 4, kind.index));
  ASSERT_TRUE(collection->Insert(Docs(vectors)).ok());
  for (const bool sealed : {false, true}) {
    if (sealed) {
      ASSERT_TRUE(collection->Optimize().ok());
    }
    for (std::size_t v = 0; v < queries; ++v) {
      VectorQuery query = Query(vectors[v], 10);
      query.exact = true;
      const HitList exact = collection->Query(query).value();
      ExpectDefined(exact, kind.metric);
      query.exact = false;
      const HitList found = collection->Query(query).value();
      ExpectDefined(found, kind.metric);
      if (sealed && !strategy.empty()) {
        EXPECT_EQ(found.stats.strategy, strategy) << v;
      }
      const auto scores = Scores(exact);
      for (const Hit& hit : found.hits)
        if (const auto at = scores.find(hit.doc.id); at != scores.end()) {
          EXPECT_EQ(hit.score, at->second) << v << " " << hit.doc.id;
        }
    }
  }
}

// Where numbers lie so far apart most graphs cannot be navigated: they are refused, and scanned.
TEST_F(LimitsTest, TheSmallestAndTheLargestNumbersHaveDefinedAnswers) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    ExpectDefinedAnswers(kind, ExtremeVectors(), 20, "");
  }
}

TEST_F(LimitsTest, GraphsOfEveryKindAnswerInSmallAndLargeNumbers) {
  const auto kinds = Kinds();
  EXPECT_EQ(kinds.size(), 15u);  // 3 x (none, FP16, INT8, INT4), uniform codes of L2
  for (const Kind& kind : kinds)
    for (const float scale : {1e-18F, 1.0F, 1e18F}) {
      SCOPED_TRACE(kind.name + " x " + std::to_string(scale));
      auto vectors = OrdinaryVectors();
      for (auto& vector : vectors)
        for (float& x : vector) x *= scale;
      vectors[100] = {0, -0.0F, 0, -0.0F};
      // Known: by cosine, one vector of such a norm costs a graph of 7 and 8 bits, and the segment is
      // scanned.
      if (kind.metric != MetricType::kCosine) vectors[101] = {kDenormal, -kDenormal, 0, 0};
      ExpectDefinedAnswers(kind, vectors, 20, "graph");
    }
}

// Guards: sums of 32 bits. 20,000 x 127 x 127 and 20,000 x 255 x 255 fit, nothing larger is allowed.
TEST_F(LimitsTest, TheLargestSumsAreExactAtTheLargestDimension) {
  const auto int8 = Create(Schema(DataType::kVectorInt8, kMaxDimension, IndexParams::Hnsw(MetricType::kL2)));
  std::vector<std::int8_t> least(kMaxDimension, -128), most(kMaxDimension, 127);
  std::vector<Doc> docs(2);
  docs[0] = Doc("least");
  docs[0].Set("v", least);
  docs[1] = Doc("most");
  docs[1].Set("v", most);
  ASSERT_TRUE(int8->Insert(docs).ok());
  for (const bool sealed : {false, true}) {
    if (sealed) {
      ASSERT_TRUE(int8->Optimize().ok());
    }
    const auto hits = int8->Query(Query(least)).value().hits;
    ASSERT_EQ(hits.size(), 2u);
    EXPECT_EQ(hits[0].score, 0);
    EXPECT_EQ(hits[1].score, 255.0F * 255.0F * kMaxDimension);
  }
  for (const QuantizeType quantize : {QuantizeType::kUndefined, QuantizeType::kInt8, QuantizeType::kInt4}) {
    const auto codes =
        Create(Schema(DataType::kVectorFp32, kMaxDimension, IndexParams::Hnsw(MetricType::kL2, quantize)));
    ASSERT_TRUE(
        codes
            ->Insert(Docs({std::vector<float>(kMaxDimension, -1), std::vector<float>(kMaxDimension, 1),
                           std::vector<float>(kMaxDimension, 0)}))
            .ok());
    ASSERT_TRUE(codes->Optimize().ok());
    const auto hits = codes->Query(Query(std::vector<float>(kMaxDimension, 1))).value().hits;
    ASSERT_EQ(hits.size(), 3u);
    EXPECT_EQ(hits[0].score, 0);
    EXPECT_EQ(hits[1].score, 1.0F * kMaxDimension);
    EXPECT_EQ(hits[2].score, 4.0F * kMaxDimension);
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
