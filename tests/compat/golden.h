// tests/compat/golden.h: what a golden collection holds. Never changed: the files in git were made from it.
#pragma once

#include <map>
#include <string>

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

}  // namespace zvec::inline v0::testing_docs
