// tests/compat/golden.h: what a golden collection holds. Never changed: the files in git were made from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {

inline constexpr const char* kGoldenMark = "golden mark";

/// Documents 0 .. 39 of every type; number 0 has nothing but nulls, every fifth was deleted, and so was
/// number 38.
inline std::map<std::string, Doc> GoldenDocs() {
  std::map<std::string, Doc> docs;
  for (int i = 0; i < 40; ++i) {
    if (i % 5 == 2 || i == 38) continue;
    const std::string id = "document " + std::to_string(i);
    docs[id] = AllTypesDoc(id, i);
  }
  return docs;
}

inline Status WriteGoldenDocs(Collection& collection) {
  const auto put = [&](int first, int last) {
    std::vector<Doc> docs;
    for (int i = first; i < last; ++i) docs.push_back(AllTypesDoc("document " + std::to_string(i), i));
    return collection.Upsert(docs).status();
  };
  const auto drop = [&](int first, int last) {
    std::vector<std::string> ids;
    for (int i = first; i < last; ++i)
      if (i % 5 == 2 || i == 38) ids.push_back("document " + std::to_string(i));
    return collection.Delete(ids).status();
  };
  ZVEC_RETURN_IF_ERROR(put(0, 20));
  ZVEC_RETURN_IF_ERROR(drop(0, 20));
  ZVEC_RETURN_IF_ERROR(put(20, 35));
  ZVEC_RETURN_IF_ERROR(put(35, 40));
  return drop(20, 40);
}

/// Two sealed segments, deletions in the first, three calls in the log.
inline Status WriteGolden(Collection& collection) {
  ZVEC_RETURN_IF_ERROR(WriteGoldenDocs(collection));
  return collection.SetMark(kGoldenMark);
}

inline constexpr std::uint32_t kGoldenFineDim = 384;
inline constexpr int kGoldenFineDocs = 40;

inline std::vector<std::int8_t> GoldenFineVector(int i) {
  std::vector<std::int8_t> v(kGoldenFineDim);
  std::uint32_t state = static_cast<std::uint32_t>(i) * 2'654'435'761u + 1;
  for (std::int8_t& x : v) {
    state = state * 1'664'525u + 1'013'904'223u;
    x = static_cast<std::int8_t>(static_cast<int>(state >> 24) / 2 - 64);
  }
  return v;
}

/// One sealed segment with a graph whose codes have 4 bits and whose queries have 7.
inline Status WriteGoldenFine(const std::string& path) {
  CollectionOptions options;
  options.index_min_rows = 1;
  options.maintenance = Maintenance::kManual;
  CollectionSchema schema;
  schema.name = "golden";
  schema.fields = {{"v", DataType::kVectorInt8, false, kGoldenFineDim, IndexParams::Hnsw(MetricType::kL2)}};
  ZVEC_ASSIGN_OR_RETURN(const auto collection, Collection::Create(path, schema, options));
  std::vector<Doc> docs;
  for (int i = 0; i < kGoldenFineDocs; ++i)
    docs.push_back(Doc("document " + std::to_string(i), {{"v", GoldenFineVector(i)}}));
  ZVEC_RETURN_IF_ERROR(collection->Upsert(docs).status());
  ZVEC_RETURN_IF_ERROR(collection->Optimize());
  return collection->Close();
}

}  // namespace zvec::inline v0::testing_docs
