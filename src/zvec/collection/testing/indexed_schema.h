// zvec/collection/testing/indexed_schema.h: all types of test_docs.h, and every kind of index file. Tests
// only.
#pragma once

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {

/// AllTypesSchema with lists for the sparse fields and 4-bit codes for VECTOR_FP32: index files of all
/// formats that there are, and the newest manifest.
inline CollectionSchema IndexedSchema() {
  CollectionSchema schema = AllTypesSchema();
  for (FieldSchema& field : schema.fields) {
    if (IsSparseVector(field.type)) field.index = IndexParams::Hnsw(MetricType::kIp);
    if (field.type == DataType::kVectorFp32)
      field.index = IndexParams::Hnsw(MetricType::kL2, QuantizeType::kInt4);
  }
  return schema;
}

inline constexpr std::uint32_t kFewHits = 3, kAllHits = 100;

/// Which kind of file of such a collection is not among these (name -> bytes); "": none.
inline std::string MissingKind(const std::map<std::string, std::string>& files) {
  for (const auto& [prefix, start] :
       std::vector<std::pair<std::string, std::string>>{{"LOCK", ""},
                                                        {"MARK", ""},
                                                        {"log-", ""},
                                                        {"segment-", ""},
                                                        {"deletes-", ""},
                                                        {"MANIFEST-", {"ZVECMAN\n\3\0\0\0", 12}},
                                                        {"index-", {"ZVECIDX\n\1\0\0\0", 12}},
                                                        {"index-", {"ZVECIDX\n\2\0\0\0", 12}},
                                                        {"index-", {"ZVECSPX\n\1\0\0\0", 12}}}) {
    bool found = false;
    for (const auto& [name, bytes] : files) found |= name.starts_with(prefix) && bytes.starts_with(start);
    if (!found)
      return prefix + " " + (start.empty() ? "" : start.substr(0, 7) + " version " + char('0' + start[8]));
  }
  return "";
}

/// A query on a vector field of these documents. Few hits: by the index; as many as there are: by a scan.
inline VectorQuery QueryOn(const FieldSchema& field, std::uint32_t topk) {
  VectorQuery query;
  query.field = field.name;
  query.vector = std::vector<float>{1, 2, 3, 4};
  if (field.type == DataType::kVectorInt8) query.vector = std::vector<std::int8_t>{1, 2, 3, 4};
  if (IsSparseVector(field.type)) query.vector = SparseVector{{3, 9, 4'000'000'000U}, {1, 2, -3}};
  query.topk = topk;
  return query;
}

/// A vector field that a query for few hits does not find by its index; "": none.
inline std::string Unindexed(const Collection& collection) {
  for (const FieldSchema& field : collection.schema().fields) {
    if (!IsVector(field.type)) continue;
    const std::string& strategy = collection.Query(QueryOn(field, kFewHits)).value().stats.strategy;
    if (strategy.find(IsDenseVector(field.type) ? "graph" : "lists") == std::string::npos)
      return field.name + " by " + strategy;
  }
  return "";
}

}  // namespace zvec::inline v0::testing_docs
