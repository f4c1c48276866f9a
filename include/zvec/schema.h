// zvec/schema.h: what a collection holds: scalar fields, vector fields, and how each is indexed.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cocozvec/base/status.h"

namespace zvec::inline v0 {

using cocozvec::Result;
using cocozvec::Status;
using cocozvec::StatusCode;
using cocozvec::StatusError;

// The numbers are part of files and of the Python surface: never change one.
// clang-format off
enum class DataType : std::uint8_t {
  kUndefined = 0,
  kString = 2, kBool = 3, kInt32 = 4, kInt64 = 5, kUint32 = 6, kUint64 = 7, kFloat = 8, kDouble = 9,
  kVectorFp16 = 22, kVectorFp32 = 23, kVectorInt8 = 26,
  kSparseVectorFp16 = 30, kSparseVectorFp32 = 31,
  kArrayString = 41, kArrayBool = 42, kArrayInt32 = 43, kArrayInt64 = 44, kArrayUint32 = 45, kArrayUint64 = 46,
  kArrayFloat = 47, kArrayDouble = 48,
};
enum class IndexType : std::uint8_t {
  kUndefined = 0, kHnsw = 1, kIvf = 2, kFlat = 3, kHnswRabitq = 4, kDiskAnn = 5, kVamana = 6, kIvfRabitq = 7,
  kInvert = 10, kFts = 11,
};
enum class MetricType : std::uint8_t { kUndefined = 0, kL2 = 1, kIp = 2, kCosine = 3 };
enum class QuantizeType : std::uint8_t {
  kUndefined = 0, kFp16 = 1, kInt8 = 2, kInt4 = 3, kRabitq = 4, kUniformUint7 = 5, kUniformUint8 = 6, kUniformUint4 = 7,
};
// clang-format on

/// "INT32", "VECTOR_FP32", ... ; "UNDEFINED" for any other number.
std::string_view DataTypeName(DataType type) noexcept;
std::string_view IndexTypeName(IndexType type) noexcept;
std::string_view MetricTypeName(MetricType type) noexcept;
std::string_view QuantizeTypeName(QuantizeType type) noexcept;

bool IsDenseVector(DataType type) noexcept;
bool IsSparseVector(DataType type) noexcept;
inline bool IsVector(DataType type) noexcept { return IsDenseVector(type) || IsSparseVector(type); }
bool IsArray(DataType type) noexcept;
/// The element type of an array type; `type` itself for every other.
DataType ElementType(DataType type) noexcept;

/// How one field is indexed. Parameters that the index type does not know are kept as they are given.
struct IndexParams {
  IndexType type = IndexType::kFlat;
  // Vector indexes.
  MetricType metric = MetricType::kIp;
  QuantizeType quantize = QuantizeType::kUndefined;  ///< codes that a walk measures (docs/search.md)
  std::uint32_t m = 0;                               ///< links per node; 0: ours choose (16)
  std::uint32_t ef_construction = 0;                 ///< candidates while building; 0: ours choose (120)
  // kInvert.
  bool range_optimization = false;
  bool extended_wildcard = false;
  // kFts.
  std::string tokenizer = "standard";
  std::vector<std::string> filters = {"lowercase"};
  std::string extra_params;  ///< "" or a JSON object

  static IndexParams Flat(MetricType metric = MetricType::kIp);
  static IndexParams Hnsw(MetricType metric, QuantizeType quantize = QuantizeType::kUndefined);
  static IndexParams Invert();
  static IndexParams Fts(std::string tokenizer = "standard", std::vector<std::string> filters = {"lowercase"},
                         std::string extra_params = {});
  bool operator==(const IndexParams&) const = default;
};

struct FieldSchema {
  std::string name;  ///< 1 to 64 bytes of A-Z a-z 0-9 _ -
  DataType type = DataType::kUndefined;
  bool nullable = false;
  std::uint32_t dimension = 0;  ///< of a dense vector, 1 .. kMaxDimension; ignored for every other type
  std::optional<IndexParams> index = std::nullopt;  ///< none on a vector field: flat, inner product

  MetricType metric() const noexcept;  ///< of a vector field
  bool operator==(const FieldSchema&) const = default;
};

inline constexpr std::uint32_t kMaxDimension = 20'000;
inline constexpr std::size_t kMaxVectorFields = 5;
inline constexpr std::size_t kMaxScalarFields = 1'024;
inline constexpr std::size_t kMaxFieldNameBytes = 64;
inline constexpr std::size_t kMaxIdBytes = 1'024;
inline constexpr std::size_t kMaxSparseEntries = 16'384;
inline constexpr std::uint32_t kMaxTopk = 100'000;
inline constexpr std::uint32_t kMaxEf = 4'096;
inline constexpr std::uint64_t kMaxBatchHits = 100'000'000;  ///< queries * topk of one QueryBatch

struct CollectionSchema {
  std::string name;                 ///< 1 to 256 bytes of UTF-8 without control characters; not a path
  std::vector<FieldSchema> fields;  ///< scalars and vectors, in the order of the user

  /// kInvalidArgument that names the collection, the field and the rule; the rules are in docs/schema.md.
  Status Validate() const;
  /// Null when there is no such field.
  const FieldSchema* Find(std::string_view field) const noexcept;
  /// What changed from `other`, one difference a line; empty when equal.
  std::string Difference(const CollectionSchema& other) const;
  bool operator==(const CollectionSchema&) const = default;
};

/// Ids are UTF-8 of 1 to kMaxIdBytes bytes without control characters (C0, DEL, C1, U+2028, U+2029).
Status ValidateId(std::string_view id);

}  // namespace zvec::inline v0
