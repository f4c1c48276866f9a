#include "zvec/query/query_vector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace zvec::inline v0 {
namespace {

/// 300 rows of one type in a chunk, near to and far from a query.
class DropFar : public ::testing::TestWithParam<DataType> {
 protected:
  static constexpr std::uint32_t kRows = 300;

  QueryVector Make(std::size_t dim, MetricType metric) {
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", GetParam(), false, static_cast<std::uint32_t>(dim), IndexParams::Flat(metric)}};
    VectorQuery query;
    query.field = "v";
    width_ = dim * (GetParam() == DataType::kVectorFp32 ? 4 : GetParam() == DataType::kVectorFp16 ? 2 : 1);
    bytes_.assign(kRows * width_, std::byte{0});
    std::vector<float> floats(dim);
    for (float& x : floats) x = static_cast<float>(static_cast<int>(random_() % 41) - 20);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      for (std::size_t i = 0; i < dim; ++i) {
        const float x = floats[i] + static_cast<float>(random_() % (row % 30 + 1));
        std::byte* at = &bytes_[row * width_];
        if (GetParam() == DataType::kVectorFp32) std::memcpy(at + 4 * i, &x, 4);
        const Half half = ToHalf(x);
        if (GetParam() == DataType::kVectorFp16) std::memcpy(at + 2 * i, &half.bits, 2);
        if (GetParam() == DataType::kVectorInt8) at[i] = static_cast<std::byte>(static_cast<signed char>(x));
      }
    }
    query.vector = floats;
    if (GetParam() == DataType::kVectorInt8)
      query.vector = std::vector<std::int8_t>(floats.begin(), floats.end());
    column_.rows = kRows;
    column_.fixed = bytes_.data();
    column_.width = width_;
    return QueryVector::Make(schema, query).value();
  }

  std::mt19937 random_{5};
  std::size_t width_ = 0;
  std::vector<std::byte> bytes_;
  ColumnChunk column_;
};

TEST_P(DropFar, KeepsWhateverScoresTheLimitOrNearer) {
  for (const std::size_t dim : {64u, 65u, 200u, 1'000u}) {
    const QueryVector query = Make(dim, MetricType::kL2);
    for (const std::uint32_t step : {1u, 2u, 7u}) {
      std::vector<std::uint32_t> rows;
      for (std::uint32_t row = 0; row < kRows; row += step) rows.push_back(row);
      std::vector<float> scores(kChunkRows), sorted;
      (void)query.Score(column_, rows.data(), static_cast<std::uint32_t>(rows.size()), scores.data());
      sorted.assign(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(rows.size()));
      std::sort(sorted.begin(), sorted.end());
      const float limit = sorted[9];
      std::vector<std::uint32_t> left = rows;
      left.resize(query.DropFar(column_, limit, left.data(), static_cast<std::uint32_t>(left.size())));
      EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
      for (std::size_t i = 0; i < rows.size(); ++i)
        EXPECT_TRUE(scores[i] > limit || std::binary_search(left.begin(), left.end(), rows[i]))
            << dim << ", row " << rows[i];
      if (step == 1) {
        EXPECT_LT(left.size(), rows.size() / 2) << dim;
      }
    }
  }
}

TEST_P(DropFar, KeepsEverythingWhereAPartTellsNothing) {
  std::vector<std::uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0u);
  for (const MetricType metric : {MetricType::kIp, MetricType::kCosine})
    EXPECT_EQ(Make(100, metric).DropFar(column_, 0, rows.data(), kRows), kRows);
  EXPECT_EQ(Make(100, MetricType::kL2).DropFar(column_, INFINITY, rows.data(), kRows), kRows);
  EXPECT_EQ(Make(40, MetricType::kL2).DropFar(column_, 0, rows.data(), kRows), kRows);
}

INSTANTIATE_TEST_SUITE_P(Types, DropFar,
                         ::testing::Values(DataType::kVectorFp32, DataType::kVectorFp16,
                                           DataType::kVectorInt8));

}  // namespace
}  // namespace zvec::inline v0
