// zvec/query/query_vector.h: a query vector, checked against its field and made ready for many rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zvec/index/hnsw/encoder.h"
#include "zvec/query.h"
#include "zvec/simd/kernels.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

/// The scores of rows. Scores are never NaN: where single precision overflows or vanishes, double precision
/// decides.
class QueryVector {
 public:
  /// kNotFound (no such field); kInvalidArgument: not a vector field, kind, dimension, NaN, sparse rules.
  static Result<QueryVector> Make(const CollectionSchema& schema, const VectorQuery& query);

  std::size_t field() const noexcept { return field_; }
  std::size_t row_bytes() const noexcept { return kernels_ != nullptr ? dim_ * element_bytes_ : 0; }
  bool larger_is_nearer() const noexcept { return metric_ == MetricType::kIp; }

  DataType type() const noexcept { return type_; }
  MetricType metric() const noexcept { return metric_; }
  /// Of a dense FP32 or FP16 vector.
  std::span<const float> floats() const noexcept { return floats_; }
  /// Of a sparse vector, ascending, with their values.
  std::span<const std::uint32_t> indices() const noexcept { return indices_; }
  std::span<const float> values() const noexcept { return values_; }

  /// A dense vector as a code of the encoder; false when it has no direction and the metric needs one.
  /// `cut`: Encoder::EncodeQuery.
  bool Encode(const hnsw::Encoder& encoder, std::uint8_t* code, double* cut) const;

  /// Scores the `count` rows of the chunk that `rows` names, ascending, none of them null: scores[i] is that
  /// of rows[i]. Returns how many it computed: where most rows are wanted, all are scored in one stream,
  /// which memory serves faster. `scores` has room for kChunkRows.
  std::uint32_t Score(const ColumnChunk& column, const std::uint32_t* rows, std::uint32_t count,
                      float* scores) const noexcept;

  /// Leaves of such rows, in their order, those that may score `limit` or nearer: of the others some elements
  /// alone are too far. Only under L2, where that is much cheaper than scores. Returns how many are left.
  std::uint32_t DropFar(const ColumnChunk& column, float limit, std::uint32_t* rows,
                        std::uint32_t count) const noexcept;

 private:
  QueryVector() = default;
  void PrepareDense(std::string_view cell);
  void PrepareSparse(std::string_view cell);
  void ScoreDense(const simd::Rows& rows, float* scores) const noexcept;
  void ScorePlain(const simd::Rows& rows, float* scores) const noexcept;
  void ScoreCosine(const simd::Rows& rows, float* scores) const noexcept;
  float ScoreSparse(std::string_view cell) const noexcept;
  double Element(const std::byte* row, std::size_t i) const noexcept;
  float ExactProduct(const std::byte* row) const noexcept;
  float ExactCosine(const std::byte* row) const noexcept;

  std::size_t field_ = 0;
  DataType type_ = DataType::kUndefined;
  MetricType metric_ = MetricType::kUndefined;
  std::size_t dim_ = 0, element_bytes_ = 0;
  const simd::TypeKernels* kernels_ = nullptr;
  std::vector<float> floats_;       // dense FP32 and FP16
  std::vector<signed char> bytes_;  // dense INT8
  float squared_norm_ = 0;          // cosine
  // Sparse: ascending indices with their values, and where the indices are small a table of values by index.
  std::vector<std::uint32_t> indices_;
  std::vector<float> values_;
  std::vector<float> table_;
};

}  // namespace zvec::inline v0
