#include "zvec/query/code_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace zvec::inline v0 {
namespace {

enum class Kind { kClusters, kNoise, kWide, kFarFromZero };

struct Case {
  MetricType metric;
  Kind kind;
};

/// A chunk of rows, most with codes, and a query.
class CodeScanTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr std::uint32_t kRows = 900;

  void Fill(std::size_t dim) {
    std::normal_distribution<float> normal;
    std::vector<float> centres(20 * dim);
    for (float& x : centres) x = 4 * normal(random_);
    floats_.resize((kRows + 1) * dim);
    for (std::uint32_t row = 0; row <= kRows; ++row) {
      const std::size_t centre = random_() % 20;
      for (std::size_t i = 0; i < dim; ++i) {
        float& x = floats_[row * dim + i];
        x = normal(random_);
        if (GetParam().kind == Kind::kClusters) x += centres[centre * dim + i];
        if (GetParam().kind == Kind::kWide) x *= x * x * x * x;
        if (GetParam().kind == Kind::kFarFromZero) x += 100'000;
      }
    }
    column_.rows = kRows;
    column_.fixed = reinterpret_cast<const std::byte*>(floats_.data());
    column_.width = 4 * dim;
  }
  QueryVector Make(std::size_t dim, const float* vector) {
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", DataType::kVectorFp32, false, static_cast<std::uint32_t>(dim),
                      IndexParams::Hnsw(GetParam().metric)}};
    VectorQuery query;
    query.field = "v";
    query.vector = std::vector<float>(vector, vector + dim);
    return QueryVector::Make(schema, query).value();
  }
  static bool Has(const ChunkRows& rows, std::uint32_t row) {
    return ((rows.words[row / 64] >> (row % 64)) & 1) != 0;
  }

  std::mt19937 random_{11};
  std::vector<float> floats_;
  ColumnChunk column_;
};

TEST_P(CodeScanTest, KeepsWhateverScoresTheLimitOrNearer) {
  for (const std::size_t dim : {64u, 65u, 128u, 200u, 768u}) {
    Fill(dim);
    std::vector<float> outside(&floats_[dim], &floats_[2 * dim]), beside = outside;
    for (float& x : outside) x = 70 - 2 * x;
    beside[dim / 3] += 500;
    // A row itself, one that no code was fitted to, and two that the codes' range does not hold.
    const std::vector<const float*> questions = {&floats_[5 * dim], &floats_[kRows * dim], outside.data(),
                                                 beside.data()};
    for (const float* asked : questions) {
      const QueryVector query = Make(dim, asked);
      CodeScan scan(query);
      ASSERT_TRUE(scan.usable());
      CodedChunk chunk;
      (void)chunk.Make(column_, dim, scan.directions(), 0b1101111111111111, 16);
      const auto& codes = chunk.codes();
      for (const std::uint32_t step : {1u, 2u, 7u}) {
        ChunkRows rows{};
        std::vector<std::uint32_t> all;
        for (std::uint32_t row = 0; row < kRows; row += step) {
          rows.words[row / 64] |= std::uint64_t{(chunk.ready() >> (row / 64)) & 1} << (row % 64);
        }
        for (std::uint32_t w = 0; w < kChunkWords; ++w) rows.words[w] &= ~codes.apart[w];
        if (!rows.Any()) continue;
        all.resize(kChunkRows);
        all.resize(rows.List(all.data()));
        std::vector<float> scores(kChunkRows);
        (void)query.Score(column_, all.data(), static_cast<std::uint32_t>(all.size()), scores.data());
        std::vector<float> sorted(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(all.size()));
        std::sort(sorted.begin(), sorted.end());
        for (const std::size_t place : {std::size_t{0}, std::size_t{9}, all.size() / 2}) {
          const float limit = sorted[std::min(place, all.size() - 1)];
          std::vector<std::uint32_t> left(kChunkRows);
          std::uint64_t measured = 0;
          left.resize(scan.Near(codes, chunk.ready(), rows, limit, left.data(), &measured));
          EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
          EXPECT_GE(measured, all.size());
          for (const std::uint32_t row : left) EXPECT_TRUE(Has(rows, row));
          for (std::size_t i = 0; i < all.size(); ++i)
            EXPECT_TRUE(scores[i] > limit || std::binary_search(left.begin(), left.end(), all[i]))
                << dim << ", row " << all[i] << ", score " << scores[i] << ", limit " << limit;
          if (place == 9 && step == 1 && GetParam().kind == Kind::kClusters &&
              GetParam().metric == MetricType::kL2 && asked != outside.data() && asked != beside.data()) {
            EXPECT_LT(left.size(), all.size() / 4) << dim;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CodeScanTest,
    ::testing::Values(Case{MetricType::kL2, Kind::kClusters}, Case{MetricType::kL2, Kind::kNoise},
                      Case{MetricType::kL2, Kind::kWide}, Case{MetricType::kL2, Kind::kFarFromZero},
                      Case{MetricType::kCosine, Kind::kClusters}, Case{MetricType::kCosine, Kind::kNoise},
                      Case{MetricType::kCosine, Kind::kWide}, Case{MetricType::kCosine, Kind::kFarFromZero}));

// Guards: a score whose squares a float cannot hold is less than the distance that the codes tell.
TEST(CodeScanOf, RowsThatAreTooNearForASquareKeepsThem) {
  constexpr std::size_t kDim = 64, kRows = 900, kNearest = 700;
  std::mt19937 random(5);
  std::uniform_real_distribution<float> element(-5e-22f, 5e-22f);
  std::vector<float> floats(kRows * kDim);
  for (float& x : floats) x = element(random);
  for (std::size_t row = 0; row < 10; ++row) {
    std::fill_n(&floats[row * kDim], kDim, 0.0f);
    floats[row * kDim + row] = 1e-22f;
  }
  std::fill_n(&floats[kNearest * kDim], kDim, 2.6e-23f);
  ColumnChunk column;
  column.rows = kRows;
  column.fixed = reinterpret_cast<const std::byte*>(floats.data());
  column.width = 4 * kDim;
  CollectionSchema schema;
  schema.name = "c";
  schema.fields = {{"v", DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(MetricType::kL2)}};
  VectorQuery query;
  query.field = "v";
  query.vector = std::vector<float>(kDim, 0.0f);
  const QueryVector vector = QueryVector::Make(schema, query).value();
  const std::uint32_t two[] = {0, kNearest};
  float scores[2];
  (void)vector.Score(column, two, 2, scores);
  ASSERT_LT(scores[1], scores[0]);
  CodeScan scan(vector);
  CodedChunk chunk;
  (void)chunk.Make(column, kDim, scan.directions(), 0xffff, 16);
  ChunkRows rows{};
  rows.words[kNearest / 64] = std::uint64_t{1} << (kNearest % 64);
  ASSERT_EQ((chunk.codes().apart[kNearest / 64] >> (kNearest % 64)) & 1, 0u);
  std::uint32_t left[kChunkRows];
  std::uint64_t measured = 0;
  EXPECT_EQ(scan.Near(chunk.codes(), chunk.ready(), rows, scores[0], left, &measured), 1u);
}

TEST(CodeScanOf, ProductsAndShortVectorsIsNotUsable) {
  const auto usable = [](MetricType metric, std::uint32_t dim, float x) {
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", DataType::kVectorFp32, false, dim, IndexParams::Hnsw(metric)}};
    VectorQuery query;
    query.field = "v";
    query.vector = std::vector<float>(dim, x);
    const QueryVector vector = QueryVector::Make(schema, query).value();
    return CodeScan(vector).usable();
  };
  EXPECT_TRUE(usable(MetricType::kL2, 64, 1));
  EXPECT_TRUE(usable(MetricType::kL2, 64, 0));
  EXPECT_FALSE(usable(MetricType::kL2, 63, 1));
  EXPECT_FALSE(usable(MetricType::kIp, 64, 1));
}

}  // namespace
}  // namespace zvec::inline v0
