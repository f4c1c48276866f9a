#include "zvec/query/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "zvec/query/testing/fake_segment.h"

namespace zvec {
namespace {

using ::testing::ElementsAre;
using testing::FakeSegment;
using ::testing::HasSubstr;

FieldSchema VectorField(DataType type, std::uint32_t dimension, MetricType metric) {
  FieldSchema field;
  field.name = "v";
  field.type = type;
  field.dimension = dimension;
  field.nullable = true;
  field.index = IndexParams::Flat(metric);
  return field;
}

CollectionSchema Schema(DataType type, std::uint32_t dimension, MetricType metric) {
  FieldSchema n;
  n.name = "n";
  n.type = DataType::kInt32;
  return {"docs", {n, VectorField(type, dimension, metric)}};
}

Doc Row(std::int32_t n, Value vector) {
  Doc doc("d" + std::to_string(n));
  doc.Set("n", n);
  if (!std::holds_alternative<std::monostate>(vector)) doc.Set("v", std::move(vector));
  return doc;
}

using Ranking = std::vector<std::pair<std::uint32_t, float>>;

struct Searched {
  Status status;
  Ranking ranking;  // (global row, score)
  QueryStats stats;
};

Searched Search(const std::vector<const SegmentView*>& segments, const CollectionSchema& schema,
                const VectorQuery& query) {
  Searched out;
  const auto filter = Filter::Parse(query.filter, schema);
  EXPECT_TRUE(filter.ok());
  const auto hits = SearchVectors(segments, schema, query, **filter, &out.stats);
  out.status = hits.status();
  if (!hits.ok()) return out;
  for (const RowHit& hit : *hits) {
    std::uint32_t row = hit.row;
    for (std::uint32_t s = 0; s < hit.segment; ++s) row += segments[s]->row_count();
    out.ranking.emplace_back(row, hit.score);
  }
  return out;
}

VectorQuery Query(std::vector<float> vector, std::uint32_t topk = 10) {
  VectorQuery query;
  query.field = "v";
  query.vector = std::move(vector);
  query.topk = topk;
  return query;
}

std::vector<Doc> GoldenRows() {
  std::vector<Doc> docs;
  for (const std::vector<float>& v :
       {std::vector<float>{1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {-1, 0, 0}, {2, 0, 0}, {0, 0, 0}}) {
    docs.push_back(Row(static_cast<std::int32_t>(docs.size()), v));
  }
  return docs;
}

TEST(Search, GoldenScores) {
  for (const DataType type : {DataType::kVectorFp32, DataType::kVectorFp16}) {
    const auto scores = [&](MetricType metric) {
      const CollectionSchema schema = Schema(type, 3, metric);
      const FakeSegment segment(schema, GoldenRows());
      return Search({&segment}, schema, Query({1, 0, 0})).ranking;
    };
    EXPECT_EQ(scores(MetricType::kL2), (Ranking{{0, 0}, {2, 1}, {4, 1}, {5, 1}, {1, 2}, {3, 4}}));
    EXPECT_EQ(scores(MetricType::kIp), (Ranking{{4, 2}, {0, 1}, {2, 1}, {1, 0}, {5, 0}, {3, -1}}));
    EXPECT_EQ(scores(MetricType::kCosine),
              (Ranking{{0, 0}, {4, 0}, {2, 0.29289323f}, {1, 1}, {5, 1}, {3, 2}}));
  }
}

TEST(Search, Int8Scores) {
  std::vector<Doc> docs = {Row(0, std::vector<std::int8_t>{1, 2, 3}),
                           Row(1, std::vector<std::int8_t>{-128, 127, 0})};
  VectorQuery query = Query({});
  query.vector = std::vector<std::int8_t>{1, 2, 4};
  CollectionSchema schema = Schema(DataType::kVectorInt8, 3, MetricType::kL2);
  EXPECT_EQ(Search({std::make_unique<FakeSegment>(schema, docs).get()}, schema, query).status.code(),
            StatusCode::kOk);
  const FakeSegment l2(schema, docs);
  EXPECT_EQ(Search({&l2}, schema, query).ranking, (Ranking{{0, 1}, {1, 129 * 129 + 125 * 125 + 16}}));
  schema = Schema(DataType::kVectorInt8, 3, MetricType::kIp);
  const FakeSegment ip(schema, docs);
  EXPECT_EQ(Search({&ip}, schema, query).ranking, (Ranking{{1, 126}, {0, 17}}));
}

TEST(Search, SparseScores) {
  const std::vector<Doc> docs = {Row(0, SparseVector{{1, 5, 9}, {1, 2, 3}}), Row(1, SparseVector{}),
                                 Row(2, SparseVector{{5, 4'000'000'000u}, {10, 100}}),
                                 Row(3, SparseVector{{2}, {7}})};
  for (const DataType type : {DataType::kSparseVectorFp32, DataType::kSparseVectorFp16}) {
    const CollectionSchema schema = Schema(type, 0, MetricType::kIp);
    const FakeSegment segment(schema, docs);
    VectorQuery query = Query({});
    query.vector = SparseVector{{9, 5}, {0.5f, 1}};  // small indices: by table
    EXPECT_EQ(Search({&segment}, schema, query).ranking, (Ranking{{2, 10}, {0, 3.5f}, {1, 0}, {3, 0}}));
    query.vector = SparseVector{{4'000'000'000u, 9, 5}, {-1, 0.5f, 1}};  // by merging
    EXPECT_EQ(Search({&segment}, schema, query).ranking, (Ranking{{0, 3.5f}, {1, 0}, {3, 0}, {2, -90}}));
    query.vector = SparseVector{};
    EXPECT_EQ(Search({&segment}, schema, query).ranking, (Ranking{{0, 0}, {1, 0}, {2, 0}, {3, 0}}));
  }
}

// Many rows in several segments, some dead, some null, some filtered away, against a full sort in double.
TEST(Search, TopKIsTheBeginningOfTheFullRanking) {
  constexpr std::uint32_t kDim = 19;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
    const CollectionSchema schema = Schema(DataType::kVectorFp32, kDim, metric);
    std::vector<Doc> docs;
    for (std::int32_t i = 0; i < 5'000; ++i) {
      std::vector<float> v(kDim);
      for (float& x : v) x = std::round(normal(random) * 2);  // small integers: exact sums and many ties
      docs.push_back(Row(i, i % 11 == 3 ? Value() : Value(v)));
    }
    const std::vector<Doc> parts[] = {
        {docs.begin(), docs.begin() + 3'000}, {}, {docs.begin() + 3'000, docs.end()}};
    FakeSegment a(schema, parts[0]), b(schema, parts[1]), c(schema, parts[2], true);
    for (std::uint32_t r = 0; r < 900; ++r) a.Kill(r * 3);
    std::vector<float> q(kDim);
    for (float& x : q) x = std::round(normal(random) * 2);

    Ranking expected;
    for (std::uint32_t i = 0; i < docs.size(); ++i) {
      const auto* v = docs[i].Get<std::vector<float>>("v");
      if (!v || (i < 2'700 && i % 3 == 0) || i % 7 == 0) continue;
      double ip = 0, l2 = 0, nv = 0, nq = 0;
      for (std::uint32_t d = 0; d < kDim; ++d) {
        ip += double{q[d]} * (*v)[d], nv += double{(*v)[d]} * (*v)[d], nq += double{q[d]} * q[d];
        l2 += (double{q[d]} - (*v)[d]) * (double{q[d]} - (*v)[d]);
      }
      const double cosine = nv == 0 ? 1 : std::clamp(1 - ip / (std::sqrt(nq) * std::sqrt(nv)), 0.0, 2.0);
      expected.emplace_back(i, static_cast<float>(metric == MetricType::kL2   ? l2
                                                  : metric == MetricType::kIp ? ip
                                                                              : cosine));
    }
    std::sort(expected.begin(), expected.end(), [&](const auto& x, const auto& y) {
      if (x.second == y.second) return x.first < y.first;
      return metric == MetricType::kIp ? x.second > y.second : x.second < y.second;
    });
    std::string divisible = "n NOT IN (0";
    for (int n = 7; n < 5'000; n += 7) divisible += "," + std::to_string(n);
    for (const std::uint32_t k : {1u, 10u, 500u, 100'000u}) {
      VectorQuery query = Query(q, k);
      query.filter = divisible + ")";
      const Searched found = Search({&a, &b, &c}, schema, query);
      ASSERT_TRUE(found.status.ok()) << found.status.ToString();
      EXPECT_EQ(
          found.ranking,
          Ranking(expected.begin(), expected.begin() + std::min<std::ptrdiff_t>(
                                                           k, static_cast<std::ptrdiff_t>(expected.size()))));
      EXPECT_GE(found.stats.distances, expected.size());
      EXPECT_EQ(found.stats.documents, 5'000u - 900);
      EXPECT_EQ(found.stats.strategy, "scan of matches");
      EXPECT_EQ(found.stats.segments, 3u);
      EXPECT_LE(found.stats.distances, 5'000u);
      EXPECT_GE(found.stats.matches, expected.size());
    }
  }
}

TEST(Search, OverflowAndUnderflowDoNotBreakTheOrder) {
  const float huge = 3e38f, tiny = 1e-38f;
  const std::vector<Doc> docs = {Row(0, std::vector<float>{huge, huge}),
                                 Row(1, std::vector<float>{huge, -huge}),
                                 Row(2, std::vector<float>{tiny, tiny}), Row(3, std::vector<float>{1, 0})};
  CollectionSchema schema = Schema(DataType::kVectorFp32, 2, MetricType::kCosine);
  const FakeSegment cosine(schema, docs);
  for (const float scale : {huge, 1.0f, tiny}) {
    const Ranking ranking = Search({&cosine}, schema, Query({scale, scale})).ranking;
    ASSERT_EQ(ranking.size(), 4u);
    EXPECT_EQ(ranking[0].first, 0u);
    EXPECT_EQ(ranking[1].first, 2u);
    EXPECT_NEAR(ranking[1].second, 0, 1e-6);
    EXPECT_NEAR(ranking[2].second, 1 - std::sqrt(0.5), 1e-6);
    EXPECT_NEAR(ranking[3].second, 1, 1e-6);
  }
  schema = Schema(DataType::kVectorFp32, 2, MetricType::kIp);
  const FakeSegment ip(schema, docs);
  const float inf = std::numeric_limits<float>::infinity();
  const Ranking products = Search({&ip}, schema, Query({huge, huge})).ranking;
  ASSERT_EQ(products.size(), 4u);
  EXPECT_EQ(products[0], (std::pair{0u, inf}));
  EXPECT_EQ(products[1], (std::pair{3u, huge}));
  EXPECT_EQ(products[2].first, 2u);
  EXPECT_NEAR(products[2].second, 6, 1e-4);
  EXPECT_EQ(products[3], (std::pair{1u, 0.0f})) << "infinity minus infinity in single precision";
}

TEST(Search, EqualScoresComeInStorageOrder) {
  const CollectionSchema schema = Schema(DataType::kVectorFp32, 1, MetricType::kIp);
  const std::vector<Doc> docs(3'000, Row(0, std::vector<float>{1}));
  const FakeSegment a(schema, docs), b(schema, docs);
  const Ranking ranking = Search({&a, &b}, schema, Query({1}, 4'000)).ranking;
  ASSERT_EQ(ranking.size(), 4'000u);
  for (std::uint32_t i = 0; i < 4'000; ++i) ASSERT_EQ(ranking[i].first, i);
}

TEST(Search, QueriesThatDoNotFitAreRefused) {
  const CollectionSchema schema = Schema(DataType::kVectorFp32, 3, MetricType::kL2);
  const FakeSegment segment(schema, GoldenRows());
  const auto problem = [&](const VectorQuery& query, StatusCode code = StatusCode::kInvalidArgument) {
    const Status status = Search({&segment}, schema, query).status;
    EXPECT_EQ(status.code(), code);
    return std::string(status.message());
  };
  EXPECT_EQ(problem(Query({1, 2})), "query: field \"v\": dimension 3 expected, 2 elements given");
  EXPECT_THAT(problem(Query({1, std::nanf(""), 0})), HasSubstr("element 1 is nan"));
  EXPECT_THAT(problem(Query({1, HUGE_VALF, 0})), HasSubstr("element 1 is inf"));
  EXPECT_EQ(problem(Query({1, 0, 0}, 0)), "query: topk is 0, allowed: 1 to 100000");
  EXPECT_THAT(problem(Query({1, 0, 0}, 100'001)), HasSubstr("topk is 100001"));
  VectorQuery query = Query({1, 0, 0});
  query.field = "n";
  EXPECT_EQ(problem(query), "query: field \"n\" is INT32, not a vector field");
  query.field = "w";
  EXPECT_EQ(problem(query, StatusCode::kNotFound), "query: collection \"docs\" has no field \"w\"");
  query.field = "v";
  query.vector = SparseVector{};
  EXPECT_EQ(problem(query), "query: field \"v\": type VECTOR_FP32 expected, a sparse vector given");
  query.vector = std::monostate();
  EXPECT_THAT(problem(query), HasSubstr("is missing"));
}

TEST(Search, NothingToFind) {
  const CollectionSchema schema = Schema(DataType::kVectorFp32, 3, MetricType::kL2);
  EXPECT_TRUE(Search({}, schema, Query({1, 0, 0})).ranking.empty());
  const FakeSegment empty(schema, {}), nulls(schema, {Row(1, Value())});
  const Searched found = Search({&empty, &nulls}, schema, Query({1, 0, 0}));
  EXPECT_TRUE(found.ranking.empty());
  EXPECT_EQ(found.stats.documents, 1u);
  EXPECT_EQ(found.stats.distances, 0u);
  EXPECT_EQ(found.stats.strategy, "scan");
}

TEST(Search, DamageIsReported) {
  const CollectionSchema schema = Schema(DataType::kVectorFp32, 3, MetricType::kL2);
  FakeSegment segment(schema, GoldenRows());
  segment.broken_chunk = 0;
  EXPECT_EQ(Search({&segment}, schema, Query({1, 0, 0})).status.code(), StatusCode::kDataLoss);
}

TEST(Scan, GivesLiveMatchesInStorageOrderUpToTheLimit) {
  const CollectionSchema schema = Schema(DataType::kVectorFp32, 1, MetricType::kL2);
  std::vector<Doc> docs;
  for (std::int32_t i = 0; i < 2'500; ++i) docs.push_back(Row(i, Value()));
  FakeSegment a(schema, docs), b(schema, docs);
  a.Kill(2'000);
  const SegmentView* segments[] = {&a, &b};
  const auto scan = [&](std::string_view text, std::uint64_t limit) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;
    QueryStats stats;
    const auto hits = ScanRows(segments, **Filter::Parse(text, schema), limit, &stats);
    for (const RowHit& hit : *hits) rows.emplace_back(hit.segment, hit.row);
    return std::pair(rows, stats);
  };
  using Rows = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  EXPECT_EQ(scan("n IN (1999, 2000, 2001)", UINT64_MAX).first,
            (Rows{{0, 1999}, {0, 2001}, {1, 1999}, {1, 2000}, {1, 2001}}));
  EXPECT_EQ(scan("n >= 1999", 2).first, (Rows{{0, 1999}, {0, 2001}}));
  EXPECT_TRUE(scan("", 0).first.empty());
  const auto [all, stats] = scan("", UINT64_MAX);
  EXPECT_EQ(all.size(), 4'999u);
  EXPECT_EQ(stats.documents, 4'999u);
  EXPECT_EQ(scan("", 10).second.documents, kChunkRows) << "no more chunks than needed";
}

}  // namespace
}  // namespace zvec
