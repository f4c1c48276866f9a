#include "stamps.h"

#include <algorithm>
#include <string>

namespace reliability {

std::vector<Doc> Stamped(std::int64_t stamp) {
  std::vector<Doc> docs;
  for (int i = 0; i < kGroup; ++i)
    docs.push_back(
        Note("g" + std::to_string(i), std::string(20 + static_cast<std::size_t>(stamp % 7), 'x'), stamp));
  return docs;
}

std::int64_t StampOf(const std::vector<Doc>& docs) {
  if (docs.size() != kGroup) return -1;
  const std::int64_t stamp = *docs[0].Get<std::int64_t>("size");
  for (const Doc& doc : docs)
    if (*doc.Get<std::int64_t>("size") != stamp) return -1;
  return stamp;
}

std::vector<Doc> ReadGroup(const Collection& collection, int kind) {
  std::vector<Doc> docs;
  const auto take = [&](Doc& doc) {
    if (doc.id[0] == 'g') docs.push_back(std::move(doc));
  };
  if (kind % 4 == 0) {
    std::vector<std::string> ids;
    for (int i = 0; i < kGroup; ++i) ids.push_back("g" + std::to_string(i));
    if (auto got = collection.Fetch(ids); got.ok()) docs = *std::move(got);
  } else if (kind % 4 == 1) {
    auto iterator = collection.Iterate();
    if (iterator.ok())
      for (Doc doc; (*iterator)->Next(&doc).value();) take(doc);
  } else if (kind % 4 == 2) {
    auto hits = collection.Query(
        {.field = "v", .vector = std::vector<float>{20, 1, 1}, .topk = 1000, .filter = "id like 'g%'"});
    if (hits.ok())
      for (auto& hit : hits->hits) docs.push_back(std::move(hit.doc));
  } else {
    auto hits = collection.Scan({.filter = "id like 'g%'"});
    if (hits.ok())
      for (auto& hit : hits->hits) docs.push_back(std::move(hit.doc));
  }
  return docs;
}

}  // namespace reliability
