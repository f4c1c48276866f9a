// The database alone: make, write, search under a filter, remove.
#include <zvec/collection.h>

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  const char* path = "search_collection";
  (void)zvec::Collection::Destroy(path);
  zvec::CollectionSchema schema;
  schema.name = "articles";
  schema.fields = {{.name = "year", .type = zvec::DataType::kInt64},
                   {.name = "embedding",
                    .type = zvec::DataType::kVectorFp32,
                    .dimension = 2,
                    .index = zvec::IndexParams::Flat(zvec::MetricType::kL2)}};
  auto collection = zvec::Collection::Create(path, schema).value();

  std::vector<zvec::Doc> docs;
  for (int i = 0; i < 10; ++i) {
    zvec::Doc doc("doc-" + std::to_string(i));
    doc.Set("year", std::int64_t{2015 + i}).Set("embedding", std::vector<float>{float(i), 0});
    docs.push_back(doc);
  }
  if (collection->Insert(docs).value().applied != docs.size()) return 1;

  zvec::VectorQuery query;
  query.field = "embedding";
  query.vector = std::vector<float>{0, 0};
  query.topk = 2;
  query.filter = "year >= 2020";
  const zvec::HitList found = collection->Query(query).value();
  for (const zvec::Hit& hit : found.hits) std::printf("%s %g\n", hit.doc.id.c_str(), double(hit.score));
  const bool right = found.hits.size() == 2 && found.hits[0].doc.id == "doc-5" && found.hits[0].score == 25;
  if (!collection->Close().ok() || !zvec::Collection::Destroy(path).ok()) return 1;
  return right ? 0 : 1;
}
