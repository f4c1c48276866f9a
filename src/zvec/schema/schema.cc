#include "zvec/schema.h"

#include <algorithm>
#include <utility>

#include "zvec/schema/text.h"

namespace zvec::inline v0 {

std::string_view DataTypeName(DataType type) noexcept {
  switch (type) {
    case DataType::kUndefined:
      break;
    case DataType::kString:
      return "STRING";
    case DataType::kBool:
      return "BOOL";
    case DataType::kInt32:
      return "INT32";
    case DataType::kInt64:
      return "INT64";
    case DataType::kUint32:
      return "UINT32";
    case DataType::kUint64:
      return "UINT64";
    case DataType::kFloat:
      return "FLOAT";
    case DataType::kDouble:
      return "DOUBLE";
    case DataType::kVectorFp16:
      return "VECTOR_FP16";
    case DataType::kVectorFp32:
      return "VECTOR_FP32";
    case DataType::kVectorInt8:
      return "VECTOR_INT8";
    case DataType::kSparseVectorFp16:
      return "SPARSE_VECTOR_FP16";
    case DataType::kSparseVectorFp32:
      return "SPARSE_VECTOR_FP32";
    case DataType::kArrayString:
      return "ARRAY_STRING";
    case DataType::kArrayBool:
      return "ARRAY_BOOL";
    case DataType::kArrayInt32:
      return "ARRAY_INT32";
    case DataType::kArrayInt64:
      return "ARRAY_INT64";
    case DataType::kArrayUint32:
      return "ARRAY_UINT32";
    case DataType::kArrayUint64:
      return "ARRAY_UINT64";
    case DataType::kArrayFloat:
      return "ARRAY_FLOAT";
    case DataType::kArrayDouble:
      return "ARRAY_DOUBLE";
  }
  return "UNDEFINED";
}

std::string_view IndexTypeName(IndexType type) noexcept {
  switch (type) {
    case IndexType::kUndefined:
      break;
    case IndexType::kHnsw:
      return "HNSW";
    case IndexType::kIvf:
      return "IVF";
    case IndexType::kFlat:
      return "FLAT";
    case IndexType::kHnswRabitq:
      return "HNSW_RABITQ";
    case IndexType::kDiskAnn:
      return "DISKANN";
    case IndexType::kVamana:
      return "VAMANA";
    case IndexType::kIvfRabitq:
      return "IVF_RABITQ";
    case IndexType::kInvert:
      return "INVERT";
    case IndexType::kFts:
      return "FTS";
  }
  return "UNDEFINED";
}

std::string_view MetricTypeName(MetricType type) noexcept {
  switch (type) {
    case MetricType::kUndefined:
      break;
    case MetricType::kL2:
      return "L2";
    case MetricType::kIp:
      return "IP";
    case MetricType::kCosine:
      return "COSINE";
  }
  return "UNDEFINED";
}

std::string_view QuantizeTypeName(QuantizeType type) noexcept {
  switch (type) {
    case QuantizeType::kUndefined:
      break;
    case QuantizeType::kFp16:
      return "FP16";
    case QuantizeType::kInt8:
      return "INT8";
    case QuantizeType::kInt4:
      return "INT4";
    case QuantizeType::kRabitq:
      return "RABITQ";
    case QuantizeType::kUniformUint7:
      return "UNIFORM_UINT7";
    case QuantizeType::kUniformUint8:
      return "UNIFORM_UINT8";
    case QuantizeType::kUniformUint4:
      return "UNIFORM_UINT4";
  }
  return "UNDEFINED";
}

bool IsDenseVector(DataType type) noexcept {
  return type == DataType::kVectorFp32 || type == DataType::kVectorFp16 || type == DataType::kVectorInt8;
}

bool IsSparseVector(DataType type) noexcept {
  return type == DataType::kSparseVectorFp32 || type == DataType::kSparseVectorFp16;
}

bool IsArray(DataType type) noexcept {
  return type >= DataType::kArrayString && type <= DataType::kArrayDouble;
}

DataType ElementType(DataType type) noexcept {
  constexpr auto kDistance =
      static_cast<std::uint8_t>(DataType::kArrayString) - static_cast<std::uint8_t>(DataType::kString);
  return IsArray(type) ? static_cast<DataType>(static_cast<std::uint8_t>(type) - kDistance) : type;
}
static_assert(static_cast<int>(DataType::kArrayDouble) - static_cast<int>(DataType::kDouble) == 39 &&
              static_cast<int>(DataType::kArrayString) - static_cast<int>(DataType::kString) == 39);

IndexParams IndexParams::Flat(MetricType metric) {
  IndexParams params;
  params.metric = metric;
  return params;
}

IndexParams IndexParams::Hnsw(MetricType metric, QuantizeType quantize) {
  IndexParams params;
  params.type = IndexType::kHnsw;
  params.metric = metric;
  params.quantize = quantize;
  return params;
}

IndexParams IndexParams::Invert() {
  IndexParams params;
  params.type = IndexType::kInvert;
  return params;
}

IndexParams IndexParams::Fts(std::string tokenizer, std::vector<std::string> filters,
                             std::string extra_params) {
  IndexParams params;
  params.type = IndexType::kFts;
  params.tokenizer = std::move(tokenizer);
  params.filters = std::move(filters);
  params.extra_params = std::move(extra_params);
  return params;
}

MetricType FieldSchema::metric() const noexcept { return index ? index->metric : MetricType::kIp; }

const FieldSchema* CollectionSchema::Find(std::string_view field) const noexcept {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const FieldSchema& f) { return f.name == field; });
  return it == fields.end() ? nullptr : &*it;
}

Status ValidateId(std::string_view id) {
  std::string problem = TextProblem(id, kMaxIdBytes);
  if (problem.empty()) return Status::Ok();
  return Status::InvalidArgument("document id " + Quoted(id) + " " + problem);
}

}  // namespace zvec::inline v0
