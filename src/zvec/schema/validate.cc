// The rules of docs/schema.md. One function a rule; the first that is broken is reported.
#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "zvec/schema.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0 {
namespace {

constexpr std::size_t kMaxCollectionNameBytes = 256;
constexpr std::uint32_t kMaxLinks = 1'000;
constexpr std::uint32_t kMinRabitqDimension = 64;
constexpr std::uint32_t kMaxRabitqDimension = 4'095;

constexpr std::array<std::string_view, 5> kReservedNames = {"_zvec_uid_", "_zvec_row_id_", "_zvec_g_doc_id_",
                                                            "_zvec_group_id", "_zvec_score"};

std::string Text(std::string_view s) { return std::string(s); }

// An enumerator's name, with its number where the name says nothing.
template <class Enum>
std::string Name(Enum value, std::string_view (*name)(Enum)) {
  std::string text(name(value));
  if (text == "UNDEFINED") text += " (" + std::to_string(static_cast<unsigned>(value)) + ")";
  return text;
}
std::string Name(DataType v) {
  return Name<DataType>(v, [](DataType t) { return DataTypeName(t); });
}
std::string Name(IndexType v) {
  return Name<IndexType>(v, [](IndexType t) { return IndexTypeName(t); });
}
std::string Name(MetricType v) {
  return Name<MetricType>(v, [](MetricType t) { return MetricTypeName(t); });
}
std::string Name(QuantizeType v) {
  return Name<QuantizeType>(v, [](QuantizeType t) { return QuantizeTypeName(t); });
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string FieldNameProblem(std::string_view name) {
  constexpr std::string_view kAllowed = "; allowed: A-Z a-z 0-9 _ -";
  if (std::string problem = TextProblem(name, kMaxFieldNameBytes); !problem.empty())
    return problem + Text(kAllowed);
  for (const char c : name) {
    if (IsNameCharacter(c)) continue;
    const char* what = c == ' '                                ? "a space"
                       : static_cast<unsigned char>(c) >= 0x80 ? "a non-ASCII character"
                                                               : "an unsupported character";
    return "contains " + Text(what) + Text(kAllowed);
  }
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end())
    return "is reserved";
  return {};
}

bool IsUniform(QuantizeType q) {
  return q == QuantizeType::kUniformUint7 || q == QuantizeType::kUniformUint8 ||
         q == QuantizeType::kUniformUint4;
}
bool IsRabitq(IndexType t) { return t == IndexType::kHnswRabitq || t == IndexType::kIvfRabitq; }
bool IsVectorIndex(IndexType t) { return t >= IndexType::kHnsw && t <= IndexType::kIvfRabitq; }

// Each returns what is wrong, or "".

std::string ScalarIndexProblem(const FieldSchema& f, const IndexParams& p) {
  constexpr std::array<std::string_view, 5> kTokenizers = {"", "standard", "whitespace", "ngram", "jieba"};
  constexpr std::array<std::string_view, 3> kFilters = {"lowercase", "ascii_folding", "stemmer"};
  if (p.type == IndexType::kInvert) return {};
  if (p.type != IndexType::kFts) {
    return "index " + Name(p.type) + " does not fit type " + Name(f.type) +
           "; scalar fields take INVERT or FTS";
  }
  if (f.type != DataType::kString) return "index FTS needs type STRING, the field is " + Name(f.type);
  if (std::find(kTokenizers.begin(), kTokenizers.end(), p.tokenizer) == kTokenizers.end()) {
    return "tokenizer " + Quoted(p.tokenizer) + " is unknown; known: standard, whitespace, ngram, jieba";
  }
  for (const std::string& filter : p.filters) {
    if (std::find(kFilters.begin(), kFilters.end(), filter) == kFilters.end()) {
      return "token filter " + Quoted(filter) + " is unknown; known: lowercase, ascii_folding, stemmer";
    }
  }
  return {};
}

std::string IndexTypeProblem(const FieldSchema& f, IndexType type) {
  if (!IsVectorIndex(type)) {
    return "index " + Name(type) + " does not fit type " + Name(f.type) +
           "; vector fields take FLAT, HNSW, ...";
  }
  if (IsSparseVector(f.type) && type != IndexType::kFlat && type != IndexType::kHnsw) {
    return "index " + Name(type) + " does not fit type " + Name(f.type) +
           "; sparse vectors take FLAT or HNSW";
  }
  if (type == IndexType::kDiskAnn && f.type == DataType::kVectorInt8) {
    return "index DISKANN does not fit type VECTOR_INT8; it takes VECTOR_FP32 or VECTOR_FP16";
  }
  if (!IsRabitq(type)) return {};
  if (f.type != DataType::kVectorFp32) {
    return "index " + Name(type) + " does not fit type " + Name(f.type) + "; it takes VECTOR_FP32";
  }
  if (f.dimension < kMinRabitqDimension || f.dimension > kMaxRabitqDimension) {
    return "index " + Name(type) + " takes dimension " + std::to_string(kMinRabitqDimension) + " to " +
           std::to_string(kMaxRabitqDimension) + ", the field has " + std::to_string(f.dimension);
  }
  return {};
}

std::string MetricProblem(const FieldSchema& f, const IndexParams& p) {
  if (p.metric != MetricType::kL2 && p.metric != MetricType::kIp && p.metric != MetricType::kCosine) {
    return "metric is " + Name(p.metric) + "; known: L2, IP, COSINE";
  }
  if (IsSparseVector(f.type) && p.metric != MetricType::kIp) {
    return "metric " + Name(p.metric) + " does not fit type " + Name(f.type) + "; sparse vectors take IP";
  }
  if (f.type == DataType::kVectorInt8 && p.metric == MetricType::kCosine) {
    return "metric COSINE does not fit type VECTOR_INT8; it takes L2 or IP";
  }
  if (f.type == DataType::kVectorInt8 && p.type == IndexType::kIvf && p.metric != MetricType::kL2) {
    return "metric " + Name(p.metric) + " does not fit type VECTOR_INT8 with index IVF; it takes L2";
  }
  return {};
}

std::string QuantizeProblem(const FieldSchema& f, const IndexParams& p) {
  const QuantizeType q = p.quantize;
  if (q == QuantizeType::kUndefined) return {};
  if (QuantizeTypeName(q) == "UNDEFINED") return "quantize type is " + Name(q) + ", which is unknown";
  const std::string misfit = "quantize type " + Name(q) + " does not fit ";
  if (IsSparseVector(f.type)) {
    const bool fits = f.type == DataType::kSparseVectorFp32 && q == QuantizeType::kFp16;
    return fits ? "" : misfit + "type " + Name(f.type);
  }
  if (f.type != DataType::kVectorFp32)
    return misfit + "type " + Name(f.type) + "; only VECTOR_FP32 is quantized";
  if (q == QuantizeType::kRabitq) {
    if (IsRabitq(p.type) || p.type == IndexType::kFlat) return {};
    return misfit + "index " + Name(p.type) + "; use HNSW_RABITQ or IVF_RABITQ";
  }
  if (IsRabitq(p.type)) return misfit + "index " + Name(p.type) + "; it takes RABITQ";
  if (IsUniform(q)) {
    if (p.type != IndexType::kHnsw && p.type != IndexType::kVamana) {
      return misfit + "index " + Name(p.type) + "; uniform types take HNSW or VAMANA";
    }
    return p.metric == MetricType::kL2 ? "" : misfit + "metric " + Name(p.metric) + "; uniform types take L2";
  }
  if (p.type == IndexType::kDiskAnn && q != QuantizeType::kFp16)
    return misfit + "index DISKANN; it takes FP16";
  if (q == QuantizeType::kInt4 && f.dimension % 2 != 0) {
    return "quantize type INT4 needs an even dimension, the field has " + std::to_string(f.dimension);
  }
  return {};
}

std::string VectorIndexProblem(const FieldSchema& f, const IndexParams& p) {
  if (std::string problem = IndexTypeProblem(f, p.type); !problem.empty()) return problem;
  if (std::string problem = MetricProblem(f, p); !problem.empty()) return problem;
  if (std::string problem = QuantizeProblem(f, p); !problem.empty()) return problem;
  if (p.m > kMaxLinks) return "m is " + std::to_string(p.m) + ", at most " + std::to_string(kMaxLinks);
  return {};
}

std::string FieldProblem(const FieldSchema& f) {
  if (DataTypeName(f.type) == "UNDEFINED") return "type is " + Name(f.type) + ", which no field can have";
  if (IsDenseVector(f.type) && (f.dimension < 1 || f.dimension > kMaxDimension)) {
    return "dimension is " + std::to_string(f.dimension) + ", allowed: 1 to " + std::to_string(kMaxDimension);
  }
  if (!f.index) return {};
  return IsVector(f.type) ? VectorIndexProblem(f, *f.index) : ScalarIndexProblem(f, *f.index);
}

std::string CountProblem(const std::vector<FieldSchema>& fields) {
  if (fields.empty()) return "has no fields; at least one scalar or vector field is needed";
  const auto vectors = static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [](const FieldSchema& f) { return IsVector(f.type); }));
  const std::size_t scalars = fields.size() - vectors;
  if (vectors > kMaxVectorFields) {
    return "has " + std::to_string(vectors) + " vector fields, at most " + std::to_string(kMaxVectorFields);
  }
  if (scalars > kMaxScalarFields) {
    return "has " + std::to_string(scalars) + " scalar fields, at most " + std::to_string(kMaxScalarFields);
  }
  return {};
}

}  // namespace

Status CollectionSchema::Validate() const {
  const std::string self = "collection " + Quoted(name);
  if (std::string problem = TextProblem(name, kMaxCollectionNameBytes); !problem.empty()) {
    return Status::InvalidArgument(self + ": the name " + problem);
  }
  if (std::string problem = CountProblem(fields); !problem.empty())
    return Status::InvalidArgument(self + " " + problem);
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldSchema& f = fields[i];
    const std::string where = self + ": field " + Quoted(f.name);
    if (std::string problem = FieldNameProblem(f.name); !problem.empty()) {
      return Status::InvalidArgument(where + " " + problem);
    }
    const auto [first, fresh] = seen.emplace(f.name, i);
    if (!fresh) {
      return Status::InvalidArgument(where + " is there twice: as field " + std::to_string(first->second) +
                                     " (" + Name(fields[first->second].type) + ") and field " +
                                     std::to_string(i) + " (" + Name(f.type) + ")");
    }
    if (std::string problem = FieldProblem(f); !problem.empty())
      return Status::InvalidArgument(where + ": " + problem);
  }
  return Status::Ok();
}

}  // namespace zvec::inline v0
