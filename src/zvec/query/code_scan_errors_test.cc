// What a scan allows for the errors of codes: exactly what there is, of each group of rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <vector>

#include "zvec/query/code_scan.h"

namespace zvec::inline v0 {
namespace {

constexpr std::size_t kDim = 256;
constexpr std::uint32_t kRows = 4 * CodedChunk::kGroupRows;

/// Rows by chance, which the range of codes is fitted to; those of group 1 are then put onto the grid of
/// codes, those of group 2 nearly half a level off it, towards the question.
class CodeScanErrors : public ::testing::Test {
 protected:
  CodeScanErrors() : floats_(kRows * kDim), question_(kDim) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float& x : floats_) x = normal(random);
    column_.rows = kRows;
    column_.fixed = reinterpret_cast<const std::byte*>(floats_.data());
    column_.width = 4 * kDim;
    EXPECT_EQ(chunk_.Make(column_, kDim, false, 0b0001, 1), 1u);
    for (std::size_t i = 0; i < kDim; ++i) question_[i] = At(i, 60);
    for (std::uint32_t r = 0; r < CodedChunk::kGroupRows; ++r)
      for (std::size_t i = 0; i < kDim; ++i) {
        const auto level = static_cast<double>(50 + (r + i) % 8);
        floats_[(64 + r) * kDim + i] = At(i, level);
        floats_[(128 + r) * kDim + i] = At(i, level + kOff);
      }
    EXPECT_EQ(chunk_.Make(column_, kDim, false, 0b0110, 2), 2u);
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(MetricType::kL2)}};
    VectorQuery query;
    query.field = "v";
    query.vector = question_;
    query_ = QueryVector::Make(schema, query).value();
  }
  /// What the codes have as `level` of element i.
  float At(std::size_t i, double level) const {
    return static_cast<float>(chunk_.codes().mean[i] + (level - 63.5) / chunk_.codes().scale);
  }
  float ScoreOf(std::uint32_t row) const {
    float score = 0;
    (void)query_->Score(column_, &row, 1, &score);
    return score;
  }
  /// Whether `row` is left of the rows of these groups when the limit is `limit`.
  bool IsLeft(std::uint32_t row, std::uint32_t groups, float limit) {
    ChunkRows rows{};
    for (std::uint32_t g = 0; g < 4; ++g)
      if ((groups >> g & 1) != 0) rows.words[g] = ~std::uint64_t{0} & ~chunk_.codes().apart[g];
    std::uint32_t left[kChunkRows];
    std::uint64_t measured = 0;
    const std::uint32_t count =
        CodeScan(*query_).Near(chunk_.codes(), chunk_.ready(), rows, limit, left, &measured);
    return std::find(left, left + count, row) != left + count;
  }

  static constexpr double kOff = 0.49;
  std::vector<float> floats_, question_;
  ColumnChunk column_;
  CodedChunk chunk_;
  std::optional<QueryVector> query_;
};

// Guards: with no error at all, or that of another group, these rows are dropped.
TEST_F(CodeScanErrors, ARowThatItsCodePutsFartherIsKeptAloneAndBesideAGroupOfSmallErrors) {
  const float small = chunk_.codes().errors[1], large = chunk_.codes().errors[2];
  ASSERT_LT(small, 0.1f);
  ASSERT_NEAR(large, kOff * std::sqrt(kDim), 0.1);
  ASSERT_EQ(chunk_.codes().apart[1] | chunk_.codes().apart[2], 0u);
  for (std::uint32_t r = 128; r < 192; r += 9) {
    for (const std::uint32_t groups : {0b0100u, 0b0110u, 0b0111u})
      EXPECT_TRUE(IsLeft(r, groups, ScoreOf(r))) << "row " << r << ", groups " << groups;
  }
}

// A group is not judged by the errors of one that is not asked.
TEST_F(CodeScanErrors, OfAGroupOfSmallErrorsNothingIsKeptThatIsALittleFarther) {
  for (std::uint32_t r = 64; r < 128; r += 9) {
    EXPECT_TRUE(IsLeft(r, 0b0010, ScoreOf(r)));
    EXPECT_FALSE(IsLeft(r, 0b0010, ScoreOf(r) * 0.98f)) << "row " << r;
  }
}

}  // namespace
}  // namespace zvec::inline v0
