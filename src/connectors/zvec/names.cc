#include "connectors/zvec/names.h"

#include "cocoindex/connectors/zvec/column.h"
#include "zvec/schema.h"

namespace cocoindex::inline v0::connectors::zvec {

// The numbers of DataType are the database's own.
#define COCO_SAME_NUMBER(ours, theirs) \
  static_assert(static_cast<int>(DataType::ours) == static_cast<int>(::zvec::DataType::theirs))
COCO_SAME_NUMBER(STRING, kString);
COCO_SAME_NUMBER(BOOL, kBool);
COCO_SAME_NUMBER(INT32, kInt32);
COCO_SAME_NUMBER(INT64, kInt64);
COCO_SAME_NUMBER(UINT32, kUint32);
COCO_SAME_NUMBER(UINT64, kUint64);
COCO_SAME_NUMBER(FLOAT, kFloat);
COCO_SAME_NUMBER(DOUBLE, kDouble);
COCO_SAME_NUMBER(VECTOR_FP16, kVectorFp16);
COCO_SAME_NUMBER(VECTOR_FP32, kVectorFp32);
COCO_SAME_NUMBER(SPARSE_VECTOR_FP32, kSparseVectorFp32);
COCO_SAME_NUMBER(ARRAY_STRING, kArrayString);
COCO_SAME_NUMBER(ARRAY_BOOL, kArrayBool);
COCO_SAME_NUMBER(ARRAY_INT32, kArrayInt32);
COCO_SAME_NUMBER(ARRAY_INT64, kArrayInt64);
COCO_SAME_NUMBER(ARRAY_UINT32, kArrayUint32);
COCO_SAME_NUMBER(ARRAY_UINT64, kArrayUint64);
COCO_SAME_NUMBER(ARRAY_FLOAT, kArrayFloat);
COCO_SAME_NUMBER(ARRAY_DOUBLE, kArrayDouble);
#undef COCO_SAME_NUMBER

std::string_view kind_name(ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::scalar:
      return "scalar";
    case ColumnKind::dense:
      return "dense";
    case ColumnKind::sparse:
      return "sparse";
    case ColumnKind::fts:
      return "fts";
  }
  return "unknown";
}

std::string_view data_type_name(DataType type) noexcept {
  return ::zvec::DataTypeName(static_cast<::zvec::DataType>(type));
}

std::string_view metric_name(Metric metric) noexcept {
  switch (metric) {
    case Metric::cosine:
      return "cosine";
    case Metric::ip:
      return "ip";
    case Metric::l2:
      return "l2";
  }
  return "unknown";
}

std::string_view quantize_name(Quantize quantize) noexcept {
  switch (quantize) {
    case Quantize::none:
      return "none";
    case Quantize::fp16:
      return "fp16";
    case Quantize::int8:
      return "int8";
    case Quantize::int4:
      return "int4";
  }
  return "unknown";
}

}  // namespace cocoindex::inline v0::connectors::zvec
