#include "zvec/query/query_vector.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "zvec/schema/text.h"
#include "zvec/storage/cell.h"

namespace zvec::inline v0 {
namespace {

// Squared norms between these lose nothing to overflow or underflow in single precision.
constexpr float kLeastNorm = 1e-30f, kMostNorm = 1e30f;
constexpr std::uint32_t kMaxTable = 1u << 18;  // floats: a mebibyte, within reach of the caches

// From two fifths of the rows on, reading them all in one stream is faster than fetching those
// (bench/database).
constexpr std::uint64_t kStreamFrom = 2, kStreamTo = 5;

/// So many elements, at least a quarter of them, tell most rows that are far. What rounding may add to a sum
/// of squares is far below the tolerance.
constexpr std::size_t kLeastPart = 32;
constexpr float kTolerance = 1e-3f;

const std::byte* RowAt(const simd::Rows& rows, std::size_t r) {
  return rows.first + (rows.index ? rows.index[r] : r) * rows.stride;
}

bool IsPlainNorm(float squared) { return squared >= kLeastNorm && squared <= kMostNorm; }

template <class T>
T Load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

Value ToValue(const VectorQuery& query) {
  return std::visit([](const auto& vector) { return Value(vector); }, query.vector);
}

float CosineDistance(double product, double norm_a, double norm_b) {
  return static_cast<float>(std::clamp(1.0 - product / (norm_a * norm_b), 0.0, 2.0));
}

const simd::TypeKernels& KernelsFor(DataType type) {
  const simd::Kernels& kernels = simd::ActiveKernels();
  return type == DataType::kVectorFp32   ? kernels.fp32
         : type == DataType::kVectorFp16 ? kernels.fp16
                                         : kernels.int8;
}

}  // namespace

Result<QueryVector> QueryVector::Make(const CollectionSchema& schema, const VectorQuery& query) {
  const FieldSchema* field = schema.Find(query.field);
  if (!field) {
    return Status::NotFound("query: collection " + Quoted(schema.name) + " has no field " +
                            Quoted(query.field));
  }
  if (field->index && field->index->type == IndexType::kFts) {
    return Status::Unimplemented("query: field " + Quoted(query.field) +
                                 " is a full-text field, and full-text search is not there yet");
  }
  if (!IsVector(field->type)) {
    return Status::InvalidArgument("query: field " + Quoted(query.field) + " is " +
                                   std::string(DataTypeName(field->type)) + ", not a vector field");
  }
  if (std::holds_alternative<std::monostate>(query.vector)) {
    return Status::InvalidArgument("query: the vector for field " + Quoted(query.field) + " is missing");
  }
  // The rules for stored vectors are the rules for queries, and the rounding to FP16 is the same.
  std::string encoded;
  std::string_view cell;
  const auto* floats = std::get_if<std::vector<float>>(&query.vector);
  if (floats != nullptr && IsFp32Cell(*field, *floats)) {  // copied once
    cell = {reinterpret_cast<const char*>(floats->data()), floats->size() * sizeof(float)};
  } else {
    if (const Status status = EncodeCell(*field, ToValue(query), encoded); !status.ok())
      return status.WithContext("query");
    cell = encoded;
  }
  QueryVector vector;
  vector.field_ = static_cast<std::size_t>(field - schema.fields.data());
  vector.type_ = field->type;
  vector.metric_ = field->metric();
  vector.dim_ = field->dimension;
  if (IsSparseVector(field->type)) {
    vector.PrepareSparse(cell);
  } else {
    vector.PrepareDense(cell);
  }
  return vector;
}

void QueryVector::PrepareDense(std::string_view cell) {
  kernels_ = &KernelsFor(type_);
  element_bytes_ = cell.size() / dim_;
  const auto* row = reinterpret_cast<const std::byte*>(cell.data());
  if (type_ == DataType::kVectorInt8) {
    bytes_.resize(dim_);
    std::memcpy(bytes_.data(), row, dim_);
  } else {
    floats_.resize(dim_);
    if (type_ == DataType::kVectorFp32) {
      std::memcpy(floats_.data(), row, cell.size());
    } else {
      for (std::size_t i = 0; i < dim_; ++i) floats_[i] = static_cast<float>(Element(row, i));
    }
  }
  if (metric_ != MetricType::kCosine) return;
  // By the kernel that takes the rows' norms: a vector has distance 0 to itself.
  const void* query = bytes_.empty() ? static_cast<const void*>(floats_.data()) : bytes_.data();
  float product = 0;
  kernels_->product_and_norm(query, {row, 0, 1, dim_, nullptr}, &product, &squared_norm_);
}

void QueryVector::PrepareSparse(std::string_view cell) {
  const SparseCell view = ViewSparse(cell);
  for (std::uint32_t i = 0; i < view.count; ++i) {
    indices_.push_back(Load<std::uint32_t>(view.indices + 4 * std::size_t{i}));
    values_.push_back(type_ == DataType::kSparseVectorFp16
                          ? FromHalf({Load<std::uint16_t>(view.values + 2 * std::size_t{i})})
                          : Load<float>(view.values + 4 * std::size_t{i}));
  }
  if (indices_.empty() || indices_.back() >= kMaxTable) return;
  table_.resize(indices_.back() + 1);
  for (std::size_t i = 0; i < indices_.size(); ++i) table_[indices_[i]] = values_[i];
}

bool QueryVector::Encode(const hnsw::Encoder& encoder, std::uint8_t* code, double* cut) const {
  const std::vector<float> widened(bytes_.begin(), bytes_.end());
  const float* query = bytes_.empty() ? floats_.data() : widened.data();
  return encoder.EncodeQuery(query, code, cut);
}

std::uint32_t QueryVector::Score(const ColumnChunk& column, const std::uint32_t* rows, std::uint32_t count,
                                 float* scores) const noexcept {
  if (count == 0) return 0;
  if (IsSparseVector(type_)) {
    for (std::uint32_t i = 0; i < count; ++i) scores[i] = ScoreSparse(column.Cell(rows[i]));
    return count;
  }
  const std::uint32_t first = rows[0], span = rows[count - 1] - first + 1;
  if (std::uint64_t{count} * kStreamTo < std::uint64_t{span} * kStreamFrom) {
    ScoreDense({column.fixed, column.width, count, dim_, rows}, scores);
    return count;
  }
  // A cell under a null is there and may hold anything: its score is not looked at.
  ScoreDense({column.fixed + std::size_t{first} * column.width, column.width, span, dim_, nullptr}, scores);
  for (std::uint32_t i = 0; i < count; ++i) scores[i] = scores[rows[i] - first];
  return span;
}

std::uint32_t QueryVector::DropFar(const ColumnChunk& column, float limit, std::uint32_t* rows,
                                   std::uint32_t count) const noexcept {
  if (metric_ != MetricType::kL2 || dim_ < 2 * kLeastPart || !std::isfinite(limit) || count == 0)
    return count;
  const void* query = bytes_.empty() ? static_cast<const void*>(floats_.data()) : bytes_.data();
  const std::size_t part = std::max(kLeastPart, (dim_ + 63) / 64 * 16);
  float parts[kChunkRows];
  const std::uint32_t first = rows[0], span = rows[count - 1] - first + 1;
  const bool all = std::uint64_t{count} * kStreamTo >= std::uint64_t{span} * kStreamFrom;
  kernels_->squared_l2(query,
                       {column.fixed + (all ? std::size_t{first} * column.width : 0), column.width,
                        all ? span : count, part, all ? nullptr : rows},
                       parts);
  const float most = limit + limit * kTolerance;
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t row = rows[i];
    rows[left] = row;
    left += parts[all ? row - first : i] <= most;
  }
  return left;
}

void QueryVector::ScoreDense(const simd::Rows& rows, float* scores) const noexcept {
  if (metric_ == MetricType::kCosine) {
    ScoreCosine(rows, scores);
  } else {
    ScorePlain(rows, scores);
  }
}

void QueryVector::ScorePlain(const simd::Rows& rows, float* scores) const noexcept {
  const void* query = bytes_.empty() ? static_cast<const void*>(floats_.data()) : bytes_.data();
  if (metric_ == MetricType::kL2) {
    kernels_->squared_l2(query, rows, scores);  // infinite at most, never NaN: all terms are positive
    return;
  }
  kernels_->inner_product(query, rows, scores);
  for (std::size_t r = 0; r < rows.count; ++r) {
    if (!std::isfinite(scores[r])) scores[r] = ExactProduct(RowAt(rows, r));
  }
}

void QueryVector::ScoreCosine(const simd::Rows& rows, float* scores) const noexcept {
  const void* query = bytes_.empty() ? static_cast<const void*>(floats_.data()) : bytes_.data();
  float norms[kChunkRows];
  kernels_->product_and_norm(query, rows, scores, norms);
  const double query_norm = std::sqrt(static_cast<double>(squared_norm_));
  const bool plain = IsPlainNorm(squared_norm_);
  for (std::size_t r = 0; r < rows.count; ++r) {
    scores[r] = plain && IsPlainNorm(norms[r])
                    ? CosineDistance(scores[r], query_norm, std::sqrt(static_cast<double>(norms[r])))
                    : ExactCosine(RowAt(rows, r));
  }
}

double QueryVector::Element(const std::byte* row, std::size_t i) const noexcept {
  switch (type_) {
    case DataType::kVectorFp32:
      return Load<float>(row + 4 * i);
    case DataType::kVectorFp16:
      return FromHalf({Load<std::uint16_t>(row + 2 * i)});
    default:
      return Load<signed char>(row + i);
  }
}

float QueryVector::ExactProduct(const std::byte* row) const noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < dim_; ++i) sum += Element(row, i) * (bytes_.empty() ? floats_[i] : bytes_[i]);
  return static_cast<float>(sum);
}

float QueryVector::ExactCosine(const std::byte* row) const noexcept {
  double product = 0, row_norm = 0, query_norm = 0;
  for (std::size_t i = 0; i < dim_; ++i) {
    const double x = Element(row, i), q = bytes_.empty() ? static_cast<double>(floats_[i]) : bytes_[i];
    product += q * x;
    row_norm += x * x;
    query_norm += q * q;
  }
  if (row_norm == 0 || query_norm == 0) return 1;  // a zero vector is at distance 1 from everything
  return CosineDistance(product, std::sqrt(query_norm), std::sqrt(row_norm));
}

// In double, in ascending order of the common indices: the same by table and by merging.
float QueryVector::ScoreSparse(std::string_view cell) const noexcept {
  const SparseCell view = ViewSparse(cell);
  const bool half = type_ == DataType::kSparseVectorFp16;
  const auto value = [&](std::uint32_t i) -> double {
    if (half) return FromHalf({Load<std::uint16_t>(view.values + 2 * std::size_t{i})});
    return Load<float>(view.values + 4 * std::size_t{i});
  };
  double sum = 0;
  if (!table_.empty()) {
    for (std::uint32_t i = 0; i < view.count; ++i) {
      const auto index = Load<std::uint32_t>(view.indices + 4 * std::size_t{i});
      if (index >= table_.size()) break;
      sum += value(i) * table_[index];
    }
    return static_cast<float>(sum);
  }
  std::size_t q = 0;
  for (std::uint32_t i = 0; i < view.count && q < indices_.size(); ++i) {
    const auto index = Load<std::uint32_t>(view.indices + 4 * std::size_t{i});
    while (q < indices_.size() && indices_[q] < index) ++q;
    if (q < indices_.size() && indices_[q] == index) sum += value(i) * values_[q];
  }
  return static_cast<float>(sum);
}

}  // namespace zvec::inline v0
